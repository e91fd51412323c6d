const SECRET_PARAMETER =
  /secret|passw|pwd|token|credential|signature|^sig$|auth|(access|api|private|customer|encryption)[-_]*key|^x-(amz|goog)-/i;

/** A longer text is no URL that anybody meant, and costs time. */
const LENGTH_MAX = 4096;
/** URLs in the parameters of URLs, and rounds of percent-encoding. */
const DEPTH_MAX = 3;

const REDACTED = "redacted";
const SCHEME = /^\s*[a-z][a-z0-9+.-]*:\/\//i;

/**
 * A URL as it may appear in a message or a log line: no user, no password, no secret parameter, no signature, no
 * fragment, also in URLs that are parameters of it. Made for people, not for opening: where a text can be read in two
 * ways, what may be a password is taken out, and with it what stands before it. Anything that is not a URL comes back
 * without what stands before an `@` and after a question mark.
 */
export function redactUrl(text: string | URL): string {
  const raw = String(text);
  return raw.length > LENGTH_MAX ? `(${REDACTED}: ${raw.length} characters)` : redact(raw, 0);
}

function redact(raw: string, depth: number): string {
  const url = hasMisplacedUser(raw) ? undefined : parse(raw);
  if (url === undefined) return printable(withoutUser(raw).replace(/[?#].*$/s, ""));
  const parsed = url.toString();
  url.username = "";
  url.password = "";
  url.hash = "";
  for (const [name, value] of [...url.searchParams]) {
    const shown = SECRET_PARAMETER.test(name) ? REDACTED : redactValue(value, depth);
    if (shown !== value) url.searchParams.set(name, shown);
  }
  if (url.toString() === parsed) return printable(raw);
  // Colons and slashes need no encoding in a query, and an endpoint is easier to read without.
  return url.toString().replace(/\?.*$/s, (query) => query.replace(/%3A/gi, ":").replace(/%2F/gi, "/"));
}

function redactValue(value: string, depth: number): string {
  if (!/[@%]|:\/\//.test(value)) return value;
  if (depth === DEPTH_MAX) return REDACTED;
  const decoded = decode(value);
  if (decoded !== value) {
    const shown = redactValue(decoded, depth + 1);
    return shown === decoded ? value : shown;
  }
  return redact(value, depth + 1);
}

/**
 * True where something that looks like `user:password@` does not stand where a parser looks for it: a password with an
 * unencoded slash, question mark or hash ends the host for the parser, and is shown as path, query or fragment.
 */
function hasMisplacedUser(raw: string): boolean {
  const scheme = SCHEME.exec(raw)?.[0];
  if (scheme === undefined) return raw.includes("@"); // no host, so no place for a user
  const [, authority = "", rest = ""] = /^([^/?#\\]*)(.*)$/s.exec(raw.slice(scheme.length)) ?? [];
  if (!rest.includes("@")) return false;
  return /[:@]/.test(authority) || /^[^?#]*:[^?#]*@/s.test(rest);
}

/** Drops what stands before the last `@`: after `scheme://` all of it, else only where a colon says that a password is in it. */
function withoutUser(raw: string): string {
  const at = raw.lastIndexOf("@");
  const scheme = SCHEME.exec(raw)?.[0] ?? "";
  if (at < scheme.length || (scheme === "" && !raw.slice(0, at).includes(":"))) return raw;
  return scheme + raw.slice(at + 1);
}

function parse(raw: string): URL | undefined {
  try {
    return new URL(raw);
  } catch {
    return undefined;
  }
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value; // a percent sign that encodes nothing
  }
}

const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f]/g, "");
