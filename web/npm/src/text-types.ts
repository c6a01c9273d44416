// The shape of the answers about texts. Source: manifest/src/answer.rs; a test compares both.

/** A range of a text: offsets in UTF-16 code units, the end exclusive. */
export interface Range {
  from: number;
  to: number;
}

/** A range and its replacement. The offsets of all edits are those of the original text. */
export interface TextEdit extends Range {
  insert: string;
}

/** Everything that is found in a text, each list in its order. */
export interface TextAnswer {
  objects: TextObject[];
  findings: TextFinding[];
  /** Documents that cannot be read, and the place of the error. */
  unreadable: TextProblem[];
  /** Objects that are not judged, such as templates, with the reason. */
  notes: TextNote[];
  /** Edits that take secrets and comments out of the documents with something `stored`. */
  hidden: TextEdit[];
  old: { unreadable: TextProblem[] };
  /** Nothing is judged where they have a `message`. */
  settings: { message?: string; findings: TextProblem[] };
}

/** An object and its result. */
export interface TextObject extends Range {
  kind: string;
  name: string;
  /** `accessgrant.skupper.io/west`, as kubectl names it. */
  resource: string;
  result: 'refused' | 'changed' | 'unchanged' | 'not covered';
  operation: 'CREATE' | 'UPDATE';
  /** True where there are old objects and none of this kind and name: it is judged as a CREATE. */
  isUnmatched: boolean;
  /** The text that kubectl prints about a refusal. */
  message?: string;
  /** Texts that kubectl prints as warnings. */
  warnings: string[];
  /** The document that holds it. */
  document: Range;
  /** Edits that turn the text into the stored object; secrets in them are `***`. */
  stored: TextEdit[];
}

/** One mistake and its place. */
export interface TextFinding extends Range {
  /** The code of the rule. */
  code: string;
  severity: 'deny' | 'warn';
  /** The wrong part of the field: its name or its value. */
  target: 'key' | 'value';
  /** The field as Kubernetes writes it: `spec.expirationWindow`. */
  path: string;
  /** Path, cause, value and detail in one line, without secrets. */
  text: string;
  /** The edit that corrects it, where it is certain; `shown` is the new value. */
  fix?: TextEdit & { shown: string };
}

export interface TextProblem extends Range {
  text: string;
}

export interface TextNote extends Range {
  text: string;
  /** Number of objects that are not judged: 0 where only some values of one are not. */
  count: number;
}

export interface RedactedText {
  /** The text without secrets and comments. */
  text: string;
  /** Number of documents that are left out: unreadable ones, and kinds that no rule of redaction knows. */
  leftOut: number;
}
