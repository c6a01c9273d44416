/** The JSON of a case's YAML. */

import { parse } from 'yaml';

/** JSON text. */
export function jsonOf(yaml: string): string {
  return JSON.stringify(parse(yaml));
}
