/**
 * A list of tabs with the keyboard pattern of the ARIA Authoring Practices: the Tab key stops once,
 * arrows, Home and End move.
 */

export interface Tabs {
  /** Shows the panel of the tab with this id. */
  show(id: string): void;
  /** Shows the number of findings behind a tab's name. */
  count(id: string, findings: number): void;
  setHidden(id: string, isHidden: boolean): void;
}

export function tabs(list: HTMLElement): Tabs {
  const all = [...list.querySelectorAll<HTMLElement>('[role=tab]')];
  const names = new Map(all.map((tab) => [tab.id, tab.textContent ?? '']));

  const show = (shown: HTMLElement) => {
    for (const tab of all) {
      const isShown = tab === shown;
      tab.setAttribute('aria-selected', String(isShown));
      tab.tabIndex = isShown ? 0 : -1;
      const panel = document.getElementById(tab.getAttribute('aria-controls') ?? '');
      if (panel) panel.hidden = !isShown;
    }
  };
  const move = (from: HTMLElement, key: string): HTMLElement | undefined => {
    const visible = all.filter((tab) => !tab.hidden);
    const at = visible.indexOf(from);
    switch (key) {
      case 'ArrowRight': return visible[(at + 1) % visible.length];
      case 'ArrowLeft': return visible.at(at - 1);
      case 'Home': return visible[0];
      case 'End': return visible.at(-1);
      default: return undefined;
    }
  };
  for (const tab of all) {
    tab.addEventListener('click', () => show(tab));
    tab.addEventListener('keydown', (event) => {
      const next = move(tab, event.key);
      if (!next) return;
      event.preventDefault();
      show(next);
      next.focus();
    });
  }
  const [first] = all;
  if (first) show(first);

  const byId = (id: string) => all.find((tab) => tab.id === id);
  return {
    show: (id) => {
      const tab = byId(id);
      if (tab) show(tab);
    },
    count: (id, findings) => {
      const tab = byId(id);
      if (!tab) return;
      const name = names.get(id) ?? '';
      tab.textContent = findings === 0 ? name : `${name} (${findings})`;
    },
    setHidden: (id, isHidden) => {
      const tab = byId(id);
      if (!tab) return;
      tab.hidden = isHidden;
      if (isHidden && tab.getAttribute('aria-selected') === 'true' && first) show(first);
    },
  };
}
