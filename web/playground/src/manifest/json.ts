/** The JSON text of a YAML node. No number becomes a JavaScript number on the way. */

import { isMap, isSeq } from 'yaml';
import { scalarText, Unreadable, type Fields, type Value } from './fields.ts';

/** Throws `Unreadable`, also for aliases that multiply to more than the API server takes. */
export function jsonText(node: Value, fields: Fields): string {
  const parts: string[] = [];
  let length = 0;
  const put = (part: string) => {
    length += part.length;
    if (length > LONGEST) throw new Unreadable('a manifest must be at most 4 MiB', node);
    parts.push(part);
  };
  let aliased = 0;
  const write = (value: Value, depth: number, isAliased = false) => {
    const target = fields.target(value);
    const isCopy = isAliased || target !== value;
    if (isCopy) aliased += 1;
    if (aliased > MOST_ALIASED) throw new Unreadable('aliases must not stand for more than 100,000 values', node);
    if (depth > DEEPEST) throw new Unreadable(`a manifest must be at most ${DEEPEST} levels deep`, value);
    if (isMap(target)) {
      put('{');
      let separator = '';
      for (const [name, field] of fields.of(target)) {
        put(`${separator}${JSON.stringify(name)}:`);
        write(field.value, depth + 1, isCopy);
        separator = ',';
      }
      put('}');
    } else if (isSeq(target)) {
      put('[');
      target.items.forEach((item, index) => {
        if (index > 0) put(',');
        write(item as Value, depth + 1, isCopy);
      });
      put(']');
    } else {
      put(scalarText(target));
    }
  };
  write(node, 0);
  return parts.join('');
}

/** In UTF-16 code units. The API server takes at most 3 MiB. */
const LONGEST = 4 * 1024 * 1024;
/** Source: go.yaml.in/yaml/v2 decode.go, which counts in a similar way. */
const MOST_ALIASED = 100_000;
/** As of tokens: aliases can nest what is not nested in the text. */
const DEEPEST = 400;
