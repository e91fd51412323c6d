import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { S3ObjectStore } from "../src/s3.js";
import { ACCESS_KEY, BUCKET, RogueServer, SECRET_KEY } from "./support/rogue-server.js";

// What a store takes from its environment when its options say nothing.
let server: RogueServer;
beforeEach(async () => {
  server = await RogueServer.start();
  for (const name of Object.keys(process.env)) if (/^AWS_(?!SDK_JS)/.test(name)) vi.stubEnv(name, undefined);
  // Nothing of the machine's own: no files, no instance to ask.
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials");
  vi.stubEnv("AWS_CONFIG_FILE", "/nonexistent/config");
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.stop();
});

const put = async (options: { region?: string } = {}): Promise<void> => {
  const store = new S3ObjectStore({ bucket: BUCKET, endpoint: server.endpoint, ...options });
  try {
    await store.put("k", Uint8Array.of(1));
  } finally {
    await store.close();
  }
};
const signedRegion = (): string | undefined =>
  /Credential=[^/]+\/\d+\/([^/]+)\//.exec(server.requests.at(-1)?.headers["authorization"] ?? "")?.[1];

it("credentials come from the environment", async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", ACCESS_KEY);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
  vi.stubEnv("AWS_SESSION_TOKEN", "a-session");
  await put();
  expect(server.objects.size).toBe(1);
  expect(server.requests[0]?.headers["x-amz-security-token"]).toBe("a-session");
});

it("where there are none at all, the error says so and what to do", async () => {
  await expect(put()).rejects.toMatchObject({
    code: "STORE_DENIED",
    retryable: false,
    message: expect.stringMatching(/no credentials were found.*AWS_ACCESS_KEY_ID/),
  });
  expect(server.requests).toHaveLength(0);
});

it("the region is the option's, else the environment's, else us-east-1 for an endpoint", async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", ACCESS_KEY);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
  await put();
  expect(signedRegion()).toBe("us-east-1");
  vi.stubEnv("AWS_DEFAULT_REGION", "eu-north-1");
  await put();
  expect(signedRegion()).toBe("eu-north-1");
  vi.stubEnv("AWS_REGION", "eu-west-1");
  await put();
  expect(signedRegion()).toBe("eu-west-1");
  await put({ region: "auto" });
  expect(signedRegion()).toBe("auto");
});

it("without a region AWS can't be addressed, and the error names the option", async () => {
  const store = new S3ObjectStore({ bucket: BUCKET, credentials: { accessKeyId: "x", secretAccessKey: "y" } });
  await expect(store.head("k")).rejects.toMatchObject({ code: "BAD_OPTION", message: expect.stringContaining("AWS_REGION") });
  await store.close();
});

it("certificates and proxies of the machine do not disturb a plain endpoint", async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", ACCESS_KEY);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
  vi.stubEnv("AWS_CA_BUNDLE", "/nonexistent/ca.pem");
  vi.stubEnv("HTTP_PROXY", "http://127.0.0.1:1");
  await put();
  expect(server.objects.size).toBe(1);
});
