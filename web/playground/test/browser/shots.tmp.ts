import { openSite } from './harness';
const site = await openSite();
const shots: [string, string, object][] = [
  ['light', 'index.html', { viewport: { width: 1280, height: 900 } }],
  ['dark', 'index.html', { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' }],
  ['narrow', 'index.html', { viewport: { width: 360, height: 740 } }],
  ['update', 'index.html#example=token-redeemed-frozen/0', { viewport: { width: 1280, height: 900 } }],
  ['stored', 'index.html#example=grant-window-format/30', { viewport: { width: 1280, height: 900 } }],
];
for (const [name, path, options] of shots) {
  const v = await site.visit(path, options as never);
  await v.page.waitForTimeout(900);
  await v.page.screenshot({ path: `/tmp/shot-${name}.png`, fullPage: true });
  console.log(name, v.troubles(), await v.page.locator('#sentence').textContent());
  await v.end();
}
await site.close();
