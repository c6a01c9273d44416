/** Wires the page: texts to the worker, outcomes to editors, list and result. */

import './worker.ts';
import { announcer } from './page/announce.ts';
import { circumstances } from './page/circumstances.ts';
import { byId } from './page/elements.ts';
import { exampleMenu, exampleOf, exampleTexts } from './page/examples.ts';
import { showFindings, type Listed } from './page/findings.ts';
import { showResult } from './page/result.ts';
import { keep, kept } from './page/kept.ts';
import { sentence } from './page/sentence.ts';
import { sharing } from './page/sharing.ts';
import { START } from './page/start.ts';
import { tabs } from './page/tabs.ts';
import { texts } from './page/texts.ts';
import { startReviewer } from './reviewer.ts';
import type { Outcome } from './review.ts';
import { isShared, readFragment } from './share.ts';

const announce = announcer(byId('announcement', HTMLElement));
const summary = byId('sentence', HTMLElement);
const depends = byId('circumstances', HTMLElement);
const findings = byId('findings', HTMLOListElement);
const objects = byId('objects', HTMLElement);
const status = byId('shared', HTMLElement);
const share = byId('share', HTMLButtonElement);

const tabList = tabs(document.querySelector<HTMLElement>('[role=tablist]') ?? document.body);
const reviewer = startReviewer(show, (why) => {
  objects.replaceChildren();
  say(`The policy cannot answer: ${why}`);
});
const page = texts(tabList, () => {
  // A link that was made before has other texts.
  status.replaceChildren();
  reviewer.review(page.input());
});
const menu = exampleMenu(byId('rule', HTMLSelectElement), byId('case', HTMLSelectElement), (code, index) => {
  location.hash = `example=${code}/${index}`;
});
sharing(share, status, reviewer, page.shared);

/** The editors, and their names in the list. */
const PLACES = [
  { name: 'manifest', where: '', marks: 'marks' },
  { name: 'old', where: 'old object', marks: 'oldMarks' },
  { name: 'settings', where: 'settings', marks: 'settingsMarks' },
] as const;

function show(outcome: Outcome): void {
  const { unreadable, deny, warn, notes } = outcome.totals;
  const total = unreadable + deny + warn + notes;
  const listed = PLACES.flatMap(({ name, where, marks }) => {
    const editor = page.editors[name];
    const found = outcome[marks];
    editor.setMarks(found);
    tabList.count(`tab-${name}`, name === 'manifest' ? total : found.length);
    return found.map((mark): Listed & { name: typeof name } => ({ ...mark, where, name, line: editor.lineOf(mark.from) }));
  });
  const others = outcome.oldMarks.length + outcome.settingsMarks.length;
  showFindings(findings, listed, total + others, {
    jump: (finding) => editorOf(finding).select(finding),
    fix: (finding) => {
      if (finding.fix) editorOf(finding).apply(finding.fix);
    },
  });
  showResult(objects, outcome, (object) => {
    tabList.show('tab-manifest');
    page.editors.manifest.select(object);
  });
  say(sentence(outcome));
  depends.textContent = circumstances(page.shared());
  share.disabled = false;
}

function editorOf({ where }: Listed) {
  const place = PLACES.find((each) => each.where === where) ?? PLACES[0];
  tabList.show(`tab-${place.name}`);
  return page.editors[place.name];
}

function say(text: string): void {
  summary.textContent = text;
  announce(text);
}

/** Opens the texts that were kept, or those of the address: an example or a shared page; else the start. */
async function open(): Promise<void> {
  const fragment = location.hash.slice(1);
  status.replaceChildren();
  const [, code, index] = /^example=([a-z-]+)\/(\d+)$/.exec(fragment) ?? [];
  const example = code === undefined ? undefined : exampleOf(code, Number(index));
  menu.show(example && code, Number(index));
  const before = kept();
  if (before) {
    page.open(before);
  } else if (example) {
    page.open(exampleTexts(example));
  } else if (isShared(fragment)) {
    page.open(await readFragment(fragment));
  } else {
    page.open({ manifest: START });
    if (fragment !== '') status.replaceChildren('There is no such example: the start is shown.');
  }
}

async function openOrSay(): Promise<void> {
  await open().catch((error: unknown) => {
    page.open({ manifest: START });
    status.replaceChildren(error instanceof Error ? error.message : String(error));
  });
}

addEventListener('hashchange', () => void openOrSay());
void openOrSay().then(() => keep(page.shared));
