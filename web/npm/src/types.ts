// The shape of the answers. Source: src/answer.rs; a test compares both, in both directions.

export type Severity = 'deny' | 'warn' | 'allow';

/** The policy's answer about an object. */
export interface Answer {
  allowed: boolean;
  /** The HTTP status of a refusal: 422 for an object, 400 for a request, 500 for settings. */
  code?: number;
  /** The text that kubectl prints about a refusal. */
  message?: string;
  /** The object that is stored instead, with the user's own values; absent if nothing changes. */
  mutatedObject?: Record<string, unknown>;
  /** Texts that kubectl prints as warnings. */
  warnings: string[];
  auditAnnotations: Record<string, string>;
  findings: Finding[];
}

/** One mistake and its place. */
export interface Finding extends FieldError {
  /** The code of the rule. */
  code: string;
  severity: 'deny' | 'warn';
  /** The wrong part of the field: its name or its value. */
  target: 'key' | 'value';
  /** The value to write instead, where it is certain. */
  fix?: Fix;
}

export interface FieldError {
  /** A JSON pointer to the field: `/spec/expirationWindow`. */
  pointer: string;
  /** The same place as Kubernetes writes it: `spec.expirationWindow`. */
  path: string;
  /** One of Kubernetes' causes: `Invalid value`, `Required value` ... */
  cause: string;
  /** The value as messages show it: cut, escaped, and without secrets. */
  value?: string;
  detail: string;
  /** Path, cause, value and detail in one line. */
  text: string;
}

export interface Fix {
  pointer: string;
  value: unknown;
}

export interface SettingsAnswer {
  valid: boolean;
  message?: string;
  findings: FieldError[];
}

export interface Rule {
  code: string;
  kinds: string[];
  pointer: string;
  severity: Severity;
  /** Settings cannot change the severity. */
  fixed: boolean;
  summary: string;
  source: string;
  /** The file name of its page in the rule reference. */
  page: string;
}

/** An object as it is created, or, with an old one, updated. */
export interface Change {
  object: object;
  oldObject?: object | null | undefined;
  /** The user who asks, as the API server names it. */
  userInfo?: UserInfo | null | undefined;
}

export interface UserInfo {
  username?: string;
  groups?: readonly string[];
  uid?: string;
  extra?: Readonly<Record<string, readonly string[]>>;
}
