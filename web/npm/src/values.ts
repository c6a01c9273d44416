// JavaScript values as text for the module, or an error that names what JSON lacks.

/** The JSON text of a value, which errors call `name`. */
export function toJson(value: unknown, name: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value, refuseWhatJsonLacks);
  } catch (cause) {
    const why = cause instanceof NotJson ? cause.message : 'it has a cycle, or is too deep or too long';
    throw new Error(`${name} cannot be written as JSON: ${why}`, { cause });
  }
  if (text === undefined) {
    throw new Error(`${name} must be given, as an object`);
  }
  return text;
}

/** The time as RFC 3339. */
export function toTime(now: Date | string): string {
  if (typeof now === 'string') {
    return now;
  }
  if (!(now instanceof Date) || Number.isNaN(now.getTime())) {
    throw new Error("now must be a valid Date, or a time in RFC 3339, such as '2026-05-01T12:00:00Z'");
  }
  return now.toISOString();
}

/**
 * Half a surrogate pair, as `JSON.stringify` writes it: UTF-8 has no bytes for one, and what stands
 * there must be refused as by the API server, and must not silently become another character.
 */
export function escaped(text: string): string {
  return text.replace(/\p{Surrogate}/gu, (half) => `\\u${half.charCodeAt(0).toString(16)}`);
}

class NotJson extends Error {}

/** `JSON.stringify` would leave these out or write `null`, and the policy would fill in a default. */
function refuseWhatJsonLacks(key: string, value: unknown): unknown {
  const at = key === '' ? 'it' : `'${key}'`;
  switch (typeof value) {
    case 'bigint':
      throw new NotJson(`${at} is a BigInt: give a number, or JSON text to the functions of 'json'`);
    case 'function':
    case 'symbol':
      throw new NotJson(`${at} is a ${typeof value}: give strings, numbers, booleans, lists and objects`);
    case 'number':
      if (!Number.isFinite(value)) {
        throw new NotJson(`${at} is ${value}: give a finite number`);
      }
  }
  return value;
}
