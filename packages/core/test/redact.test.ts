import { describe, expect, it } from "vitest";
import { redactUrl } from "../src/index.js";

describe("redactUrl", () => {
  it.each([
    ["s3://bucket/prefix?region=eu", "s3://bucket/prefix?region=eu"],
    ["s3://key:hunter2@bucket/prefix", "s3://bucket/prefix"],
    ["s3://bucket/user@example.com/db", "s3://bucket/user@example.com/db"],
    ["s3:http://u:hunter2@h", "s3:http://h"],
    ["not a url u:hunter2@h?x=hunter2#hunter2", "not a url h"],
    ["https://h/k?X-Amz-Signature=hunter2#hunter2", "https://h/k?X-Amz-Signature=redacted"],
    ["s3://b?secret_access_key=hunter2", "s3://b?secret_access_key=redacted"],
    ["s3://b?endpoint=http://u:hunter2@h", "s3://b?endpoint=http%3A%2F%2Fh%2F"],
    ["s3://b?other=http://u:hunter2@h", "s3://b?other=http%3A%2F%2Fh"],
  ])("%s", (url, expected) => expect(redactUrl(url)).toBe(expected));
});
