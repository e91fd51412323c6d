import { checkKey, checkPrefix } from "../keys.js";
import type {
  CallOptions,
  GetOptions,
  GetResult,
  HeadResult,
  ListOptions,
  ListPage,
  ObjectMeta,
  ObjectStore,
  PutOptions,
  PutResult,
} from "../port.js";

/** A private key space within a store that others use too: every key gets a folder in front. */
export class PrefixedObjectStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #folder: string;

  /** @param folder - Without slashes at its ends. */
  constructor(inner: ObjectStore, folder: string) {
    this.#inner = inner;
    this.#folder = `${folder}/`;
  }

  get description(): string {
    return `${this.#inner.description}/${this.#folder}`;
  }

  async get(key: string, options?: GetOptions): Promise<GetResult> {
    return this.#inner.get(this.#within(key), options);
  }

  async head(key: string, options?: CallOptions): Promise<HeadResult> {
    const head = await this.#inner.head(this.#within(key), options);
    return { ...head, key };
  }

  async put(key: string, body: Uint8Array, options?: PutOptions): Promise<PutResult> {
    return this.#inner.put(this.#within(key), body, options);
  }

  async delete(key: string, options?: CallOptions): Promise<void> {
    return this.#inner.delete(this.#within(key), options);
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<ListPage, void, undefined> {
    checkPrefix(prefix);
    const { startAfter, ...rest } = options;
    const inner = startAfter === undefined ? rest : { ...rest, startAfter: this.#folder + startAfter };
    for await (const page of this.#inner.list(this.#folder + prefix, inner)) {
      const objects = page.objects.map((object): ObjectMeta => ({ ...object, key: object.key.slice(this.#folder.length) }));
      yield { ...page, objects };
    }
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  /** Removes every object of the key space. */
  async clear(): Promise<void> {
    for await (const page of this.#inner.list(this.#folder)) {
      await Promise.all(page.objects.map((object) => this.#inner.delete(object.key)));
    }
  }

  #within(key: string): string {
    checkKey(key); // A bad key must not become a good one by what comes in front of it.
    return this.#folder + key;
  }
}
