import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SlowProxy } from "../src/proxy/slow-proxy.js";
import { Bucket, bytesContent } from "../src/store/bucket.js";
import { decodeChunks, s3Store } from "../src/store/s3-store.js";

let bucket: Bucket;
let proxy: SlowProxy;
let client: S3Client;
const Bucket_ = "bench";

beforeEach(async () => {
  bucket = new Bucket();
  proxy = await SlowProxy.listen(s3Store(bucket));
  client = new S3Client({
    endpoint: proxy.endpoint,
    forcePathStyle: true,
    region: "us-east-1",
    maxAttempts: 1,
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
  });
});
afterEach(async () => {
  client.destroy();
  await proxy.close();
});

const read = async (Key: string, Range?: string): Promise<string> => {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: Bucket_, Key, ...(Range === undefined ? {} : { Range }) }));
  return (await Body?.transformToString()) ?? "";
};

describe("the store behind the proxy, with the SDK", () => {
  it("gives whole objects, ranges and suffixes", async () => {
    bucket.seed("a/b.txt", bytesContent(Buffer.from("0123456789")));
    expect(await read("a/b.txt")).toBe("0123456789");
    expect(await read("a/b.txt", "bytes=2-4")).toBe("234");
    expect(await read("a/b.txt", "bytes=-3")).toBe("789");
    expect(await read("a/b.txt", "bytes=8-100")).toBe("89");
    await expect(read("a/b.txt", "bytes=10-12")).rejects.toMatchObject({ name: "InvalidRange" });
    await expect(read("a/c.txt")).rejects.toMatchObject({ name: "NoSuchKey" });
  });

  it("holds preconditions of a put, and keeps its metadata", async () => {
    const put = (more: object) => client.send(new PutObjectCommand({ Bucket: Bucket_, Key: "k", Body: "one", ...more }));
    const { ETag } = await put({ IfNoneMatch: "*", Metadata: { "litestream-timestamp": "t" } });
    await expect(put({ IfNoneMatch: "*" })).rejects.toMatchObject({ $metadata: { httpStatusCode: 412 } });
    await expect(put({ IfMatch: '"other"' })).rejects.toMatchObject({ $metadata: { httpStatusCode: 412 } });
    await put({ IfMatch: ETag });
    expect(await read("k")).toBe("one");
  });

  it("lists by prefix in pages, behind a key, and by folder", async () => {
    for (const key of ["a/1", "a/2", "a/3", "b/1", "c"]) bucket.seed(key, bytesContent(Buffer.from(key)));
    const list = (more: object) => client.send(new ListObjectsV2Command({ Bucket: Bucket_, ...more }));
    const first = await list({ Prefix: "a/", MaxKeys: 2 });
    expect(first).toMatchObject({ IsTruncated: true, KeyCount: 2 });
    const second = await list({ Prefix: "a/", ContinuationToken: first.NextContinuationToken });
    expect(second.Contents?.map(({ Key }) => Key)).toEqual(["a/3"]);
    expect((await list({ Prefix: "a/", StartAfter: "a/1" })).KeyCount).toBe(2);
    const folders = await list({ Delimiter: "/" });
    expect(folders.CommonPrefixes?.map(({ Prefix }) => Prefix)).toEqual(["a/", "b/"]);
    expect(folders.Contents?.map(({ Key }) => Key)).toEqual(["c"]);
  });

  it("forgets what a run wrote and deleted", () => {
    bucket.seed("base", bytesContent(Buffer.from("base")));
    bucket.put("new", Buffer.from("new"), {});
    bucket.delete("base");
    expect(bucket.entries().map(([key]) => key)).toEqual(["new"]);
    bucket.reset();
    expect(bucket.entries().map(([key]) => key)).toEqual(["base"]);
  });

  it("decodes aws-chunked bodies, and refuses broken ones", () => {
    const body = Buffer.from("3\r\nabc\r\n2;chunk-signature=x\r\nde\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n");
    expect(Buffer.from(decodeChunks(body)).toString()).toBe("abcde");
    expect(() => decodeChunks(Buffer.from("zz\r\n"))).toThrow(/aws-chunked/);
  });
});
