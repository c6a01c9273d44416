// The shape of what comes back. Source: src/answer.rs; a test compares both, in both directions.

export type Severity = 'deny' | 'warn' | 'allow';

/** What the policy says about an object. */
export interface Answer {
  allowed: boolean;
  /** The HTTP status of a refusal: 422 for an object, 400 for a request, 500 for settings. */
  code?: number;
  /** What kubectl prints about a refusal. */
  message?: string;
  /** What is stored in place of the object, with the user's own values; absent if nothing changes. */
  mutatedObject?: Record<string, unknown>;
  /** What kubectl prints as warnings. */
  warnings: string[];
  auditAnnotations: Record<string, string>;
  findings: Finding[];
}

/** One mistake and its place. */
export interface Finding extends FieldError {
  /** The code of the rule. */
  code: string;
  severity: 'deny' | 'warn';
  /** What of the field is wrong: its name, or its value. */
  target: 'key' | 'value';
  /** What to write instead, where that is certain. */
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
  /** Who asks, as the API server says it. */
  userInfo?: UserInfo | null | undefined;
}

export interface UserInfo {
  username?: string;
  groups?: readonly string[];
  uid?: string;
  extra?: Readonly<Record<string, readonly string[]>>;
}
