// What is published, and that it works where it is installed.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { build as bundle, type BuildOptions } from 'esbuild';
import { build, createServer as createViteServer, type InlineConfig } from 'vite';

import { outputOf, serve, startChromium } from './support/browser.js';
import { temporaryFolder } from './support/folder.js';
import { install, node, pack, PACKAGE, withPage } from './support/package.js';
import { examples } from './support/readme.js';
import { problemsOf } from './support/tsc.js';

const folder = temporaryFolder();
const project = join(folder, 'project');
const packed = await pack(folder);
await install(packed.archive, project);
const installed = join(project, 'node_modules/skupper-access-policy');

test('the archive holds what is needed and nothing else', () => {
  const modules = ['browser', 'bundled', 'engine', 'index', 'json', 'node', 'types', 'values'];
  const expected = [
    'LICENSE',
    'README.md',
    'package.json',
    'dist/policy.js',
    'dist/policy_bg.wasm',
    'dist/policy_text.js',
    ...modules.flatMap((name) => [`dist/${name}.d.ts`, `dist/${name}.js`]),
  ];
  assert.deepEqual(packed.files, expected.sort());
  assert.ok(packed.size <= 300_000, `${packed.size} bytes packed`);
  assert.ok(packed.unpackedSize <= 600_000, `${packed.unpackedSize} bytes unpacked`);
});

test('the WebAssembly has at most 150 KB compressed', () => {
  const size = gzipSync(readFileSync(join(installed, 'dist/policy_bg.wasm')), { level: 9 }).length;
  assert.ok(size <= 150_000, `${size} bytes`);
});

test('npm can publish it with its provenance', () => {
  const text = readFileSync(join(installed, 'package.json'), 'utf8');
  const manifest = JSON.parse(text) as Record<string, unknown>;
  assert.deepEqual(manifest['publishConfig'], { access: 'public', provenance: true });
  assert.deepEqual(manifest['engines'], { node: '>=20.19' });
  assert.equal((manifest['repository'] as { directory: string }).directory, 'web/npm');
  assert.deepEqual(['dependencies', 'private'].filter((key) => key in manifest), []);
});

test('no file names a folder of the machine that built it', () => {
  const stray = [homedir(), dirname(dirname(PACKAGE)), '/.cargo/', '.rustup', 'registry/src', 'sourceMappingURL'];
  for (const file of packed.files) {
    const text = readFileSync(join(installed, file), 'latin1');
    assert.deepEqual(stray.filter((path) => path.length > 1 && text.includes(path)), [], file);
  }
});

test('the examples of both READMEs run in Node and pass the strict compiler', async () => {
  const all = [...examples(), ...examples('../../README.md')];
  const sources = all.filter(({ text }) => text.startsWith('import'));
  assert.equal(sources.length, 6);
  const names = sources.map(({ text }, number) => {
    writeFileSync(join(project, `example${number}.ts`), text);
    return `example${number}`;
  });
  for (const [module, moduleResolution] of [['nodenext', 'nodenext'], ['esnext', 'bundler']]) {
    const compilerOptions = {
      target: 'es2022',
      lib: ['es2022', 'dom'],
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      module,
      moduleResolution,
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    assert.equal(await problemsOf(project, '--noEmit', 'false'), '', moduleResolution);
  }
  for (const [number, { output }] of sources.entries()) {
    assert.equal(await node(project, `${names[number]}.js`), output, names[number]);
  }
});

test('require works as import does', async () => {
  writeFileSync(join(project, 'required.cjs'), "console.log(require('skupper-access-policy').readScalar('off'))");
  assert.equal(await node(project, '--no-warnings', 'required.cjs'), 'false\n');
});

for (const format of ['esm', 'cjs'] as const) {
  test(`esbuild bundles it for Node as ${format}, and the bundle needs no other file`, async () => {
    const { folder, script, warnings } = await bundledForNode(format);
    assert.deepEqual(warnings, []);
    assert.equal(await node(folder, script), 'false\n');
  });

  test(`a bundle as ${format} that lacks the module says what to do`, async () => {
    const { folder, script } = await bundledForNode(format, { conditions: ['node'] });
    await assert.rejects(node(folder, script), /let the bundler take the export condition 'module'/);
  });
}

/** A script with the package in it, alone in a folder. */
async function bundledForNode(format: 'esm' | 'cjs', options: BuildOptions = {}) {
  const folder = temporaryFolder();
  const script = join(folder, format === 'esm' ? 'program.mjs' : 'program.cjs');
  const contents = "import { readScalar } from 'skupper-access-policy'; console.log(readScalar('off'));";
  const { warnings } = await bundle({
    stdin: { contents, resolveDir: project },
    bundle: true,
    platform: 'node',
    format,
    outfile: script,
    logLevel: 'silent',
    ...options,
  });
  return { folder, script, warnings: warnings.map(({ text }) => text) };
}

test('a build script finds the module', async () => {
  const script = "console.log(require('fs').statSync(require.resolve('skupper-access-policy/policy_bg.wasm')).size > 0)";
  writeFileSync(join(project, 'found.cjs'), script);
  assert.equal(await node(project, 'found.cjs'), 'true\n');
});

test('the page of the README works, from a server that knows no WebAssembly, too, and under a strict policy', async () => {
  const html = examples().find(({ language }) => language === 'html')?.text ?? '';
  const [, script = ''] = /<script type="module">(.*)<\/script>/s.exec(html) ?? [];
  const page = withPage(project, 'page', {
    'index.html': html,
    'strict.html': '<!doctype html><output></output><script type="module" src="strict.js"></script>',
    'strict.js': script,
  });
  const browser = await startChromium();
  assert.equal(await outputOf(browser, `${await serve(page)}/index.html`), '30m');
  const old = { '.html': 'text/html', '.js': 'text/javascript' };
  assert.equal(await outputOf(browser, `${await serve(page, {}, old)}/index.html`), '30m');
  const policy = (script: string) => ({
    'content-security-policy': `default-src 'none'; connect-src 'self'; script-src ${script}`,
  });
  const strict = await serve(page, policy("'self' 'wasm-unsafe-eval'"));
  assert.equal(await outputOf(browser, `${strict}/strict.html`), '30m');
  const stricter = await serve(page, policy("'self'"));
  assert.match(await outputOf(browser, `${stricter}/strict.html`), /a Content-Security-Policy must allow 'wasm-unsafe-eval'$/);
  const incomplete = withPage(project, 'incomplete', { 'index.html': html });
  writeFileSync(join(incomplete, 'node_modules/skupper-access-policy/dist/policy_bg.wasm'), '');
  assert.match(await outputOf(browser, `${await serve(incomplete)}/index.html`), /it must be policy_bg\.wasm of this package/);
});

test('Vite builds and serves it as the README says', async () => {
  const [configuration] = examples().filter(({ text }) => text.startsWith('// vite.config.js'));
  const root = join(project, 'vite');
  mkdirSync(root);
  writeFileSync(join(root, 'config.mjs'), configuration?.text ?? '');
  const html = examples().find(({ language }) => language === 'html')?.text ?? '';
  writeFileSync(join(root, 'index.html'), html.replace(/'\.\/node_modules.*'/, "'skupper-access-policy'"));
  const settings = (await import(join(root, 'config.mjs'))) as { default: InlineConfig };
  const common: InlineConfig = { ...settings.default, configFile: false, root, base: './', logLevel: 'error', cacheDir: join(root, 'cache') };
  const browser = await startChromium();
  await build(common);
  const assets = readdirSync(join(root, 'dist/assets')).map((name) => name.replace(/-.*\./, '.'));
  assert.deepEqual(assets.sort(), ['index.js', 'policy_bg.wasm']);
  assert.equal(await outputOf(browser, `${await serve(join(root, 'dist'))}/index.html`), '30m');
  const development = await createViteServer({ ...common, base: '/', server: { host: '127.0.0.1', port: 0, ws: false } });
  try {
    await development.listen();
    const [address = ''] = development.resolvedUrls?.local ?? [];
    assert.equal(await outputOf(browser, address), '30m');
  } finally {
    await development.close();
  }
});
