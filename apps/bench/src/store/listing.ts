import type { Bucket, Listed } from "./bucket.js";

const PAGE_SIZE_MAX = 1000;

/** A reply to ListObjectsV2. @see Amazon S3 API, "ListObjectsV2" */
export function listObjects(bucket: Bucket, name: string, query: URLSearchParams): string {
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter") ?? "";
  const after = query.get("continuation-token") ?? query.get("start-after") ?? "";
  const pageSize = Math.min(PAGE_SIZE_MAX, Number(query.get("max-keys") ?? PAGE_SIZE_MAX));
  const write = query.get("encoding-type") === "url" ? encodeURIComponent : escapeXml;
  const objects: Listed[] = [];
  const folders = new Set<string>();
  let last = after;
  let truncated = false;
  for (const entry of bucket.entries()) {
    const [key] = entry;
    if (!key.startsWith(prefix) || key <= after) continue;
    const folder = folderOf(key, prefix, delimiter);
    if (folder !== undefined && (folders.has(folder) || folder === after)) continue;
    if (objects.length + folders.size >= pageSize) {
      truncated = true;
      break;
    }
    if (folder === undefined) objects.push(entry);
    else folders.add(folder);
    last = folder ?? key;
  }
  const contents = objects.map(
    ([key, object]) =>
      `<Contents><Key>${write(key)}</Key><LastModified>${new Date(object.lastModifiedMs).toISOString()}</LastModified>` +
      `<ETag>${escapeXml(object.etag)}</ETag><Size>${object.content.size}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
  );
  return [
    `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`,
    `<Name>${escapeXml(name)}</Name><Prefix>${write(prefix)}</Prefix><KeyCount>${objects.length + folders.size}</KeyCount>`,
    `<MaxKeys>${pageSize}</MaxKeys><IsTruncated>${truncated}</IsTruncated>`,
    truncated ? `<NextContinuationToken>${escapeXml(last)}</NextContinuationToken>` : "",
    ...contents,
    ...[...folders].map((folder) => `<CommonPrefixes><Prefix>${write(folder)}</Prefix></CommonPrefixes>`),
    "</ListBucketResult>",
  ].join("");
}

function folderOf(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === "") return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}

export function escapeXml(text: string): string {
  return text.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
