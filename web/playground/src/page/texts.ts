/** Everything that can be written on the page. */

import { createEditor, type Editor } from '../editor.ts';
import type { Input } from '../review.ts';
import type { Shared } from '../share.ts';
import { byId } from './elements.ts';
import type { Tabs } from './tabs.ts';

export interface Texts {
  editors: Record<'manifest' | 'old' | 'settings', Editor>;
  input(): Input;
  shared(): Shared;
  open(texts: Shared): void;
}

export function texts(tabs: Tabs, onChange: () => void): Texts {
  const username = byId('username', HTMLInputElement);
  const groups = byId('groups', HTMLInputElement);
  const now = byId('now', HTMLInputElement);
  const operation = byId('operation', HTMLFieldSetElement);
  const update = operation.querySelector<HTMLInputElement>('[value=UPDATE]');
  const create = operation.querySelector<HTMLInputElement>('[value=CREATE]');
  const editor = (id: string, label: string) => createEditor({ host: byId(id, HTMLDivElement), label, onChange });
  const editors = {
    manifest: editor('manifest', 'Manifest, YAML'),
    old: editor('old', 'Old object, YAML'),
    settings: editor('settings', 'Settings, YAML'),
  };
  const isUpdate = () => update?.checked ?? false;
  const showOperation = () => tabs.setHidden('tab-old', !isUpdate());

  for (const field of [username, groups, now]) field.addEventListener('input', onChange);
  operation.addEventListener('change', () => {
    showOperation();
    if (isUpdate() && editors.old.text().trim() === '') editors.old.setText(editors.manifest.text());
    tabs.show(isUpdate() ? 'tab-old' : 'tab-manifest');
    onChange();
  });
  byId('request', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());
  showOperation();

  return {
    editors,
    input: () => ({
      manifest: editors.manifest.text(),
      old: isUpdate() ? editors.old.text() : undefined,
      settings: editors.settings.text(),
      user: { username: username.value.trim(), groups: groups.value.split(',').map((each) => each.trim()).filter(Boolean) },
      now: now.value.trim() || new Date().toISOString(),
    }),
    shared: () => {
      const shared: Shared = { manifest: editors.manifest.text() };
      if (isUpdate()) shared.old = editors.old.text();
      if (editors.settings.text() !== '') shared.settings = editors.settings.text();
      if (username.value !== '') shared.username = username.value;
      if (groups.value !== '') shared.groups = groups.value;
      if (now.value !== '') shared.now = now.value;
      return shared;
    },
    open: (shared) => {
      editors.manifest.setText(shared.manifest);
      editors.old.setText(shared.old ?? '');
      editors.settings.setText(shared.settings ?? '');
      username.value = shared.username ?? '';
      groups.value = shared.groups ?? '';
      now.value = shared.now ?? '';
      const chosen = shared.old === undefined ? create : update;
      if (chosen) chosen.checked = true;
      showOperation();
      tabs.show('tab-manifest');
      onChange();
    },
  };
}
