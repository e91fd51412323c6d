/**
 * The URL of the replica that a buffer belongs to, from what its header says (`s3:aws/bucket/prefix`,
 * `s3:http://host/bucket/prefix`, `file:/dir`, `memory:name/prefix`). No region and no credentials are in there.
 */
export function identityUrl(identity: string): string {
  const [, kind = "", rest = ""] = /^(s3|file|memory):(.*)$/s.exec(identity) ?? [];
  if (kind === "file") return encodeURI(`file://${rest}`);
  if (kind === "memory") return `memory:${rest.replace(/\/$/, "")}`;
  const own = /^(https?:\/\/[^/]+)\/(.*)$/s.exec(rest);
  if (own !== null) return `s3://${own[2]}?endpoint=${encodeURIComponent(own[1] ?? "")}`;
  return kind === "s3" ? `s3://${rest.replace(/^aws\//, "")}` : identity;
}
