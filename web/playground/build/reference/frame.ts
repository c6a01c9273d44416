/** The frame of every page of the reference. */

import { html, type Html } from './html.ts';

export interface Frame {
  title: string;
  description: string;
  /** True for the list of all rules. */
  isList?: boolean;
  /** The content of `main`, from its `h1`. */
  main: Html;
}

/** A whole page. Every address in it is relative, and it loads nothing but its own folder. */
export function framed({ title, description, isList, main }: Frame): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="${description}">
<meta name="color-scheme" content="light dark">
<title>${title} · Skupper access policy</title>
<link rel="icon" href="../favicon.svg">
<link rel="stylesheet" href="${STYLE_FILE}">
<script src="../theme.js"></script>
${isList === true && html`<script src="${SEARCH_FILE}" defer></script>\n`}</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="masthead">
<a class="name" href="../index.html">Skupper access policy</a>
<nav aria-label="Site">
<a href="../index.html">Playground</a>
<a href="index.html"${isList === true && html` aria-current="page"`}>Rules</a>
</nav>
<button id="theme" type="button">Theme</button>
</header>
<main id="main" tabindex="-1">
${main}</main>
</body>
</html>
`.text;
}

/** Files beside the pages. */
export const STYLE_FILE = 'reference.css';
export const SEARCH_FILE = 'search.js';

/** The playground's policy without WebAssembly, which these pages do not need. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'";
