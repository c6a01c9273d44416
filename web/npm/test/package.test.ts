// The package as it is published: its files, and that it works where it is installed.

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
  const loaders = ['browser', 'bundled', 'node', 'text-browser', 'text-bundled', 'text-node'];
  const modules = [...loaders, 'embedded', 'engine', 'fetched', 'file', 'index', 'json', 'review-text', 'text-types', 'types', 'values'];
  const expected = [
    'LICENSE',
    'README.md',
    'package.json',
    ...['policy', 'text'].flatMap((name) => [`dist/${name}.js`, `dist/${name}_bg.wasm`, `dist/${name}_embedded.js`]),
    ...modules.flatMap((name) => [`dist/${name}.d.ts`, `dist/${name}.js`]),
  ];
  assert.deepEqual(packed.files, expected.sort());
  assert.ok(packed.size <= 750_000, `${packed.size} bytes packed`);
  assert.ok(packed.unpackedSize <= 1_450_000, `${packed.unpackedSize} bytes unpacked`);
});

test('the modules have at most 150 KB and 260 KB compressed', () => {
  const size = (name: string) => gzipSync(readFileSync(join(installed, `dist/${name}_bg.wasm`)), { level: 9 }).length;
  const [policy, text] = [size('policy'), size('text')];
  assert.ok(policy <= 150_000, `${policy} bytes`);
  assert.ok(text <= 260_000, `${text} bytes`);
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
  assert.equal(sources.length, 7);
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

/** The entries of the package, each with a call and its output. */
const ENTRIES = [
  { entry: 'skupper-access-policy', name: 'redact', call: `console.log(redact({ code: 'secret' }).code)`, output: '***\n' },
  { entry: 'skupper-access-policy/text', name: 'redactText', call: `console.log(redactText('code: secret # why').text)`, output: 'code: "***"\n\n' },
];

test('require works as import does', async () => {
  for (const { entry, name, call, output } of ENTRIES) {
    writeFileSync(join(project, 'required.cjs'), `const { ${name} } = require('${entry}'); ${call}`);
    assert.equal(await node(project, '--no-warnings', 'required.cjs'), output, entry);
  }
});

for (const format of ['esm', 'cjs'] as const) {
  test(`esbuild bundles it for Node as ${format}, and the bundle needs no other file`, async () => {
    for (const entry of ENTRIES) {
      const { folder, script, warnings } = await bundledForNode(entry, format);
      assert.deepEqual(warnings, []);
      assert.equal(await node(folder, script), entry.output, entry.entry);
    }
  });

  test(`a bundle as ${format} that lacks the module says what to do`, async () => {
    for (const entry of ENTRIES) {
      const { folder, script } = await bundledForNode(entry, format, { conditions: ['node'] });
      await assert.rejects(node(folder, script), /let the bundler take the export condition 'module'/, entry.entry);
    }
  });
}

/** A script with an entry of the package in it, alone in a folder. */
async function bundledForNode({ entry, name, call }: (typeof ENTRIES)[number], format: 'esm' | 'cjs', options: BuildOptions = {}) {
  const folder = temporaryFolder();
  const script = join(folder, format === 'esm' ? 'program.mjs' : 'program.cjs');
  const contents = `import { ${name} } from '${entry}'; ${call};`;
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

test('a build script finds the modules', async () => {
  const script = "console.log(['policy', 'text'].every((name) => require('fs').statSync(require.resolve(`skupper-access-policy/${name}_bg.wasm`)).size > 0))";
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
  writeFileSync(join(page, 'strict.js'), TEXT_SCRIPT.replace('PACKAGE', './node_modules/skupper-access-policy/dist/text-browser.js'));
  assert.equal(await outputOf(browser, `${strict}/strict.html`), '"***"');
  const incomplete = withPage(project, 'incomplete', { 'index.html': html });
  writeFileSync(join(incomplete, 'node_modules/skupper-access-policy/dist/policy_bg.wasm'), '');
  assert.match(await outputOf(browser, `${await serve(incomplete)}/index.html`), /policy_bg\.wasm: it must be the file of this package/);
});

/** Shows a redacted text in the `output` of a page. */
const TEXT_SCRIPT = "import { redactText } from 'PACKAGE'; document.querySelector('output').textContent = redactText('code: secret').text.split(' ')[1].trim();";

test('Vite builds and serves it as the README says', async () => {
  const [configuration] = examples().filter(({ text }) => text.startsWith('// vite.config.js'));
  const root = join(project, 'vite');
  mkdirSync(root);
  writeFileSync(join(root, 'config.mjs'), configuration?.text ?? '');
  const html = examples().find(({ language }) => language === 'html')?.text ?? '';
  writeFileSync(join(root, 'index.html'), html.replace(/'\.\/node_modules.*'/, "'skupper-access-policy'"));
  const textPage = `<!doctype html><output></output><script type="module">${TEXT_SCRIPT.replace('PACKAGE', 'skupper-access-policy/text')}</script>`;
  writeFileSync(join(root, 'text.html'), textPage);
  const settings = (await import(join(root, 'config.mjs'))) as { default: InlineConfig };
  const common: InlineConfig = { ...settings.default, configFile: false, root, base: './', logLevel: 'error', cacheDir: join(root, 'cache') };
  const browser = await startChromium();
  await build({ ...common, build: { rollupOptions: { input: ['index', 'text'].map((name) => join(root, `${name}.html`)) } } });
  const assets = readdirSync(join(root, 'dist/assets')).map((name) => name.replace(/-.*\./, '.'));
  assert.deepEqual(assets.filter((name) => name.endsWith('.wasm')).sort(), ['policy_bg.wasm', 'text_bg.wasm']);
  const built = await serve(join(root, 'dist'));
  assert.equal(await outputOf(browser, `${built}/index.html`), '30m');
  assert.equal(await outputOf(browser, `${built}/text.html`), '"***"');
  const development = await createViteServer({ ...common, base: '/', server: { host: '127.0.0.1', port: 0, ws: false } });
  try {
    await development.listen();
    const [address = ''] = development.resolvedUrls?.local ?? [];
    assert.equal(await outputOf(browser, address), '30m');
    assert.equal(await outputOf(browser, `${address}text.html`), '"***"');
  } finally {
    await development.close();
  }
});
