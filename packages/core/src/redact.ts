const SECRET_PARAMETER = /secret|password|token|credential|signature|access-?_?key|customer-?_?key/i;

/**
 * A URL as it may appear in a message or a log line: no user, no password, no secret parameter, no signature.
 * Anything that is not a URL comes back with everything after a question mark removed.
 */
export function redactUrl(text: string | URL): string {
  const raw = String(text);
  let url: URL;
  try {
    url = new URL(raw);
  } catch {
    return withoutUserinfo(raw.replace(/[?#].*$/s, ""));
  }
  url.username = "";
  url.password = "";
  for (const name of [...url.searchParams.keys()]) {
    if (SECRET_PARAMETER.test(name) || /^x-amz-/i.test(name)) url.searchParams.set(name, "redacted");
    else if (/^endpoint$/i.test(name)) url.searchParams.set(name, redactUrl(url.searchParams.get(name) ?? ""));
    else if (/@/.test(url.searchParams.get(name) ?? "")) url.searchParams.set(name, withoutUserinfo(url.searchParams.get(name) ?? ""));
  }
  url.hash = "";
  return withoutUserinfo(url.toString());
}

/** Takes `name:password@` and `//name@` out of a text, wherever they are: not all that is wrong parses as a user. */
function withoutUserinfo(text: string): string {
  return text.replace(/(?<=\/\/)[^/?&#\s@]*@|[^/?&=#\s@:]*:[^/?&=#\s@:]*@/g, "");
}
