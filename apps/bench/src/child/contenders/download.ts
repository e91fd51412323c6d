import { createWriteStream } from "node:fs";
import path from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import Sqlite from "better-sqlite3";
import type { Contender } from "../session.js";
import { sqliteSession } from "./sqlite-session.js";

/** The whole database as one plain object, downloaded into a file, and opened there. */
export const contender: Contender = {
  open: async ({ endpoint, bucket, plainKey, dir }) => {
    const client = new S3Client({ endpoint, forcePathStyle: true, region: "us-east-1" });
    const file = path.join(dir, "downloaded.db");
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: plainKey }));
    await pipeline(Body as Readable, createWriteStream(file));
    client.destroy();
    return sqliteSession(new Sqlite(file));
  },
};
