/** JSON values as YAML text that kubectl reads back as the same values. */

import { readScalar } from 'skupper-access-policy';

/** How the text around a value is written. */
export interface Style {
  /** Columns before the mapping's keys; flow style has none. */
  indent: number | 'flow';
  /** The quotation mark that the value before it had. */
  quote?: '"' | "'" | undefined;
}

/** What stands behind a key's colon, with the white space before it. */
export function afterColon(value: unknown, style: Style): string {
  if (style.indent === 'flow' || !isCollection(value)) return ` ${inline(value, style)}`;
  const indent = style.indent + (Array.isArray(value) ? 0 : STEP);
  return `\n${' '.repeat(indent)}${block(value, indent)}`;
}

/** A value on one line. */
export function inline(value: unknown, { quote }: Pick<Style, 'quote'> = {}): string {
  if (Array.isArray(value)) return `[${value.map((each) => inline(each)).join(', ')}]`;
  if (isCollection(value)) {
    return `{${Object.entries(value).map(([name, each]) => `${text(name)}: ${inline(each)}`).join(', ')}}`;
  }
  return typeof value === 'string' ? text(value, quote) : JSON.stringify(value);
}

/** A list or an object on lines of its own, the first without its indentation. */
export function block(value: object, indent: number): string {
  const entries = Array.isArray(value)
    ? value.map((each) => `- ${inline(each)}`)
    : Object.entries(value).map(([name, each]) => entry(name, each, indent));
  return entries.join(`\n${' '.repeat(indent)}`);
}

/** `name: value`, on as many lines as it takes. */
export function entry(name: string, value: unknown, indent: number | 'flow'): string {
  return `${text(name)}:${afterColon(value, { indent })}`;
}

function text(value: string, quote?: string): string {
  if (quote === "'" && /^[ -~]*$/.test(value)) return `'${value.replaceAll("'", "''")}'`;
  const isPlain = quote === undefined && PLAIN.test(value) && readScalar(value) === JSON.stringify(value);
  return isPlain ? value : JSON.stringify(value);
}

function isCollection(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

const STEP = 2;
/** Text without anything that has a meaning in YAML, in flow style too. */
const PLAIN = /^[A-Za-z0-9](?:(?:[\w./+ -]|:(?! ))*[\w./+-])?$/;
