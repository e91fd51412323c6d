import type { IncomingMessage } from "node:http";

export type Operation = "get" | "head" | "put" | "delete" | "list" | "other";

/** An S3 request as the rules see it. Path-style addresses only. */
export interface AskedFor {
  readonly operation: Operation;
  /** Key, or prefix of a listing. */
  readonly key: string;
}

export function askedFor({ method = "GET", url = "/" }: IncomingMessage): AskedFor {
  const { pathname, searchParams } = new URL(url, "http://proxy");
  const key = decodeURIComponent(pathname.replace(/^\/[^/]*\/?/, ""));
  if (method === "GET" && key === "") return { operation: "list", key: searchParams.get("prefix") ?? "" };
  const operation = (["get", "head", "put", "delete"] as const).find((name) => name === method.toLowerCase());
  return { operation: operation ?? "other", key };
}

/** All of a body. Rejects when the connection breaks before its end. */
export async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
