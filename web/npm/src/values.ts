// JavaScript values as JSON text, or an error that says what JSON does not have.

/** The text of a value. `name` says what it is, for errors. */
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
