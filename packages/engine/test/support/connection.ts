import { formatTXID } from "@headwater/core";
import { SeededRandom } from "@headwater/core/testing";
import { CommitLog } from "@headwater/write-buffer";
import type { Engine } from "../../src/index.js";
import { PAGE_SIZE, type World } from "./world.js";

/** A page that is told from every other by its content: its number and a version. Page 1 says how large the database is. */
export function pageOf(pgno: number, version: number, sizePages: number): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE).fill(version);
  const view = new DataView(page.buffer);
  view.setUint32(100, pgno);
  if (pgno === 1) {
    page.set(new TextEncoder().encode("SQLite format 3\0"));
    view.setUint16(16, PAGE_SIZE);
    view.setUint32(24, version);
    view.setUint32(28, sizePages);
    view.setUint32(92, version);
  }
  return page;
}

/** The SQLite thread's half of one writing connection, as far as an engine can tell: it commits, reads, and adopts. */
export class Connection {
  readonly log: CommitLog;
  readonly #engine: Engine;
  #viewId: number;
  #viewCommit: number;
  #ownVersion = 0;

  constructor(engine: Engine, world: World) {
    const { opened, shared } = engine;
    if (opened.log === undefined) throw new Error("the engine was opened for reading");
    this.#engine = engine;
    this.#viewId = opened.viewId;
    this.#viewCommit = opened.commit;
    this.log = CommitLog.open({
      ...opened.log,
      fs: world.fs,
      pageSize: PAGE_SIZE,
      random: new SeededRandom(7),
      signal: {
        published: (sequence, endOffset) => {
          if (shared.publishCommit(sequence, endOffset)) engine.committed();
        },
      },
    });
  }

  get sizePages(): number {
    return this.log.sizePages(this.#viewCommit);
  }

  /** TXID of the view that it reads, 16 hex digits. */
  get txid(): string {
    return formatTXID(this.#engine.shared.viewTxid);
  }

  /** One transaction that writes these pages, page 1 among them. Returns its sequence. */
  commit(version: number, pgnos: readonly number[], sizePages: number = Math.max(this.sizePages, ...pgnos)): number {
    for (const pgno of new Set([1, ...pgnos])) this.log.write(pgno, pageOf(pgno, version, sizePages));
    this.log.completeRecord();
    this.log.publish();
    this.log.unlock();
    return this.log.publishedSequence;
  }

  async read(pgno: number): Promise<Uint8Array> {
    this.adopt();
    const page = new Uint8Array(PAGE_SIZE);
    if (this.log.read(pgno, page, 0) !== "view") return page;
    const { pages } = await this.#engine.read(this.#viewId, pgno);
    return pages.get(pgno) ?? new Uint8Array(0);
  }

  /** Up to its own last commit, as the facade asks for it. */
  sync(): Promise<bigint> {
    return this.#engine.sync(this.log.publishedSequence);
  }

  durable(sequence: number): Promise<bigint> {
    return this.#engine.durable(sequence);
  }

  /** Takes over the newest own sync, if there is one. */
  adopt(): void {
    const { shared } = this.#engine;
    if (shared.ownVersion === this.#ownVersion) return;
    const own = shared.readOwnSync();
    if (own === undefined) return;
    this.#ownVersion = own.version;
    this.log.adopt(own.sequence);
    this.#viewId = own.viewId;
    this.#viewCommit = own.commit;
    shared.viewTxid = own.txid;
    this.#engine.adopted(own.viewId);
  }

  /** What a database does when it is closed. */
  async close(): Promise<void> {
    await this.#engine.close();
    this.adopt();
    this.log.close();
    await this.#engine.release();
  }
}
