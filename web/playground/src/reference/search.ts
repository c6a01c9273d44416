/**
 * The search in the list of rules: hides the rows that do not match, and shows the examples that do.
 *
 * Every word of the query must occur in a row. Examples with all of them are listed, too, or only
 * those with the exact query, where there are any.
 */

export {};

const MAX_EXAMPLES = 5;

const form = document.querySelector<HTMLFormElement>('form.search');
const query = document.querySelector<HTMLInputElement>('#query');
const kind = document.querySelector<HTMLSelectElement>('#kind');
const severity = document.querySelector<HTMLSelectElement>('#severity');
const count = document.querySelector('#count');
const rows = [...document.querySelectorAll<HTMLTableRowElement>('.rules tbody tr')].map((element) => ({
  element,
  text: `${element.textContent} ${element.dataset['words'] ?? ''}`.toLowerCase(),
  examples: [...element.querySelectorAll<HTMLLIElement>('.found li')].map((element) => ({
    element,
    text: element.textContent.toLowerCase(),
  })),
}));

function search() {
  const words = wordsOf(query?.value ?? '');
  let shown = 0;
  for (const { element, text, examples } of rows) {
    const isShown = hasAll(text, words)
      && (!kind?.value || element.dataset['kinds']?.split(' ').includes(kind.value) === true)
      && (!severity?.value || element.dataset['severity'] === severity.value);
    element.hidden = !isShown;
    if (!isShown) continue;
    shown += 1;
    const found = words.length === 0 ? [] : examples.filter(({ text }) => hasAll(text, words));
    const exact = found.filter(({ text }) => text.includes(words.join(' ')));
    showExamples(element, exact.length > 0 ? exact : found);
  }
  if (count) count.textContent = summary(shown);
}

function showExamples(row: HTMLTableRowElement, found: { element: HTMLLIElement }[]) {
  const list = row.querySelector<HTMLUListElement>('.found');
  if (!list) return;
  for (const item of list.querySelectorAll('li')) item.hidden = true;
  for (const { element } of found.slice(0, MAX_EXAMPLES)) element.hidden = false;
  list.hidden = found.length === 0;
}

function summary(shown: number): string {
  if (shown === rows.length) return `${shown} rules`;
  if (shown === 0) return 'No rule matches. Try fewer words, or all kinds and severities.';
  return `${shown} of ${rows.length} rules`;
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().split(/\s+/).map((word) => word.replace(/^['"`(]+|['"`),;:]+$/g, '')).filter(Boolean);
}

function hasAll(text: string, words: string[]): boolean {
  return words.every((word) => text.includes(word));
}

if (form) {
  form.hidden = false;
  form.addEventListener('input', search);
  form.addEventListener('submit', (event) => { event.preventDefault(); });
  // Browsers restore the query when the reader comes back.
  addEventListener('pageshow', search);
}
