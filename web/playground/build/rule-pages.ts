/**
 * The rule pages of `rules`, for the reference and for the examples of the playground.
 *
 * A page is `# code`, why the rule is there, and cases. A case is a heading, `## Refused: ...`,
 * `## Warned: ...` or `## Accepted: ...`, perhaps a remark, and fenced blocks named `settings`,
 * `user`, `old` and `object`. Comments in `object` claim what is found at their line and what is
 * stored there; they are taken out of its text:
 *
 * ```yaml
 *   expirationWindow: 1 day # deny grant-window-format: write '24h'
 * ```
 *
 * Source: tests/support/src/pages.rs, which reads the same pages.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a case's heading says becomes of the object. */
export type Outcome = 'refused' | 'warned' | 'accepted';

export interface RulePage {
  code: string;
  /** Markdown. */
  why: string;
  cases: RuleCase[];
}

export interface RuleCase {
  /** Without the outcome: `days, which Go does not have`. */
  heading: string;
  outcome: Outcome;
  /** Markdown between heading and blocks, or nothing. */
  remark: string;
  /** YAML, as are the others. */
  object: string;
  old?: string;
  settings?: string;
  user?: string;
  claims: Claim[];
  stored: Stored[];
}

/** A finding that a comment claims. */
export interface Claim {
  /** Line of `object`, from 1. */
  line: number;
  severity: 'deny' | 'warn';
  code: string;
  /** A part of the finding's text. */
  text: string;
}

/** A value that a comment claims to be stored. */
export interface Stored {
  /** Line of `object`, from 1. */
  line: number;
  /** JSON text. */
  value: string;
}

/** Every page of a folder, sorted by code. Throws an error with file and line. */
export function readPages(folder: string): RulePage[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.md')).sort();
  return files.map((file) => readPage(file, readFileSync(join(folder, file), 'utf8')));
}

/** One page, whose file is named as its code. Throws an error with file and line. */
export function readPage(file: string, text: string): RulePage {
  const code = file.replace(/\.md$/, '');
  const lines = text.split('\n');
  if (lines[0] !== `# ${code}`) throw problem(file, 1, `the first line must be '# ${code}'`);
  const sections = splitAtHeadings(file, lines);
  const [head, ...rest] = sections;
  const why = textOf(head?.lines.slice(1) ?? []);
  if (why === '') throw problem(file, 1, 'the page must say why the rule is there');
  if (rest.length === 0) throw problem(file, lines.length, "the page must have a case, '## Refused: ...'");
  return { code, why, cases: rest.map((section) => readCase(file, section)) };
}

interface Section {
  /** Line of its heading in the file, from 1. */
  at: number;
  lines: string[];
}

interface Block {
  name: BlockName;
  at: number;
  text: string;
}

type BlockName = (typeof BLOCKS)[number];

/** A fence may hold what looks like a heading: a comment of YAML. */
function splitAtHeadings(file: string, lines: string[]): Section[] {
  const sections: Section[] = [{ at: 1, lines: [] }];
  let fence = 0;
  lines.forEach((line, index) => {
    if (line.startsWith('```')) {
      if (fence > 0 && line !== '```') throw problem(file, fence, 'the block is not closed');
      fence = fence > 0 ? 0 : index + 1;
    }
    if (fence === 0 && index > 0 && /^#+ /.test(line)) {
      if (!line.startsWith('## ')) throw problem(file, index + 1, "a heading must begin with '## '");
      sections.push({ at: index + 1, lines: [] });
    }
    sections.at(-1)?.lines.push(line);
  });
  if (fence > 0) throw problem(file, fence, 'the block is not closed');
  return sections;
}

function readCase(file: string, section: Section): RuleCase {
  const [, word, heading] = /^## (Refused|Warned|Accepted): (.+)$/.exec(section.lines[0] ?? '') ?? [];
  if (word === undefined || heading === undefined) {
    throw problem(file, section.at, "the heading must begin with 'Refused: ', 'Warned: ' or 'Accepted: '");
  }
  const { blocks, prose } = readBlocks(file, section);
  const block = (name: BlockName) => {
    const [first, second] = blocks.filter((block) => block.name === name);
    if (second) throw problem(file, second.at, `there must be one block named '${name}'`);
    return first;
  };
  const object = block('object');
  if (!object) throw problem(file, section.at, "there must be a block named 'object'");
  const rest = (['old', 'settings', 'user'] as const).flatMap((name) => {
    const text = block(name)?.text;
    return text === undefined ? [] : [[name, text]];
  });
  return {
    heading,
    outcome: OUTCOMES[word as keyof typeof OUTCOMES],
    remark: textOf(prose),
    ...readClaims(file, object),
    ...Object.fromEntries(rest),
  };
}

function readBlocks(file: string, section: Section): { blocks: Block[]; prose: string[] } {
  const blocks: Block[] = [];
  const prose: string[] = [];
  let open: Block | undefined;
  section.lines.slice(1).forEach((line, index) => {
    const at = section.at + index + 1;
    if (line === '```' && open) {
      open = undefined;
    } else if (line.startsWith('```')) {
      const name = BLOCKS.find((name) => line === `\`\`\`yaml ${name}`);
      if (!name) throw problem(file, at, `unknown block '${line}': it must be yaml and one of ${BLOCKS.join(', ')}`);
      open = { name, at, text: '' };
      blocks.push(open);
    } else if (open) {
      open.text += `${line}\n`;
    } else {
      prose.push(line);
    }
  });
  return { blocks, prose };
}

function readClaims(file: string, block: Block): Pick<RuleCase, 'object' | 'claims' | 'stored'> {
  const claims: Claim[] = [];
  const stored: Stored[] = [];
  const kept: string[] = [];
  block.text.replace(/\n$/, '').split('\n').forEach((text, index) => {
    const hash = text.indexOf('# ');
    const content = hash < 0 ? text : text.slice(0, hash).trimEnd();
    // A comment of its own line speaks about the line that follows it.
    const line = kept.length + 1;
    if (hash < 0 || content !== '') kept.push(content);
    if (hash < 0) return;
    for (const comment of text.slice(hash + 2).split(' # ')) {
      const [, claim, value, severity, code, about] =
        /^(?:(stored): (.+)|(deny|warn) ([a-z0-9-]+): (.+))$/.exec(comment.trim()) ?? [];
      if (claim && value) {
        stored.push({ line, value });
      } else if ((severity === 'deny' || severity === 'warn') && code && about) {
        claims.push({ line, severity, code, text: about });
      } else {
        throw problem(file, block.at + index + 1,
          `a claim is 'deny CODE: TEXT', 'warn CODE: TEXT' or 'stored: JSON': '${comment}'`);
      }
    }
  });
  return { object: `${kept.join('\n')}\n`, claims, stored };
}

function textOf(lines: string[]): string {
  return lines.join('\n').trim();
}

function problem(file: string, line: number, what: string): Error {
  return new Error(`${file}:${line}: ${what}`);
}

const BLOCKS = ['settings', 'user', 'old', 'object'] as const;

const OUTCOMES = { Refused: 'refused', Warned: 'warned', Accepted: 'accepted' } as const;
