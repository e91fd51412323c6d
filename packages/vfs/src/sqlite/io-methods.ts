import { LOCK_RESERVED, SQLITE_FCNTL_SYNC, SQLITE_IOCAP_POWERSAFE_OVERWRITE, SQLITE_IOCAP_SUBPAGE_READ, SQLITE_OK } from "./constants.js";
import type { Heap } from "./heap.js";
import type { VfsCall } from "./result-codes.js";
import type { HeadwaterVfs } from "./vfs.js";
import type { LoadedSqlite, Ptr } from "./wasm.js";

const SECTOR_BYTES = 512;
// SUBPAGE_READ lets SQLite read overflow pages of large values past its cache. No SAFE_APPEND and no SEQUENTIAL: with
// either, the syncs of a journal would no longer tell FULL from NORMAL.
const CHARACTERISTICS = SQLITE_IOCAP_POWERSAFE_OVERWRITE | SQLITE_IOCAP_SUBPAGE_READ;

/**
 * Builds the sqlite3_io_methods (version 1: no shared memory, no memory mapping) that all files share, and returns its
 * address. These functions are the hot path of everything, hence a try of its own in each and no closures.
 */
export function ioMethods(loaded: LoadedSqlite, heap: Heap, vfs: HeadwaterVfs): Ptr {
  const { ioMethodsStruct } = loaded;
  const methods = heap.allocate(ioMethodsStruct.sizeof);
  heap.view(methods, ioMethodsStruct.sizeof).fill(0);
  const install = (member: string, fn: (...args: never[]) => number): void => {
    const { offset, signature } = ioMethodsStruct.members[member] ?? { offset: 0, signature: "" };
    heap.setI32(methods + offset, loaded.installFunction(signature, fn));
  };
  heap.setI32(methods, 1);
  install("xRead", (file: Ptr, into: Ptr, bytes: number, offset: bigint) => {
    try {
      return vfs.fileAt(file).read(heap.view(into, bytes), Number(offset));
    } catch (error) {
      return failed(vfs, "read", error, file);
    }
  });
  install("xWrite", (file: Ptr, data: Ptr, bytes: number, offset: bigint) => {
    try {
      vfs.fileAt(file).write(heap.view(data, bytes), Number(offset));
      return SQLITE_OK;
    } catch (error) {
      return failed(vfs, "write", error, file);
    }
  });
  install("xFileControl", (file: Ptr, op: number, arg: Ptr) => {
    try {
      return vfs.fileAt(file).control(op, arg);
    } catch (error) {
      return failed(vfs, op === SQLITE_FCNTL_SYNC ? "record" : "control", error, file);
    }
  });
  install("xLock", (file: Ptr, level: number) => {
    try {
      vfs.fileAt(file).lock(level);
      return SQLITE_OK;
    } catch (error) {
      return failed(vfs, level === LOCK_RESERVED ? "reserve" : "lock", error, file);
    }
  });
  installSimple(vfs, heap, install);
  return methods;
}

function installSimple(vfs: HeadwaterVfs, heap: Heap, install: (member: string, fn: (...args: never[]) => number) => void): void {
  const call = (member: string, name: VfsCall, fn: (file: Ptr, arg: never) => number): void =>
    install(member, (file: Ptr, arg: never) => {
      try {
        return fn(file, arg);
      } catch (error) {
        return failed(vfs, name, error, file);
      }
    });
  call("xTruncate", "truncate", (file, size: bigint) => {
    vfs.fileAt(file).truncate(Number(size));
    return SQLITE_OK;
  });
  call("xSync", "sync", (file) => {
    vfs.fileAt(file).sync();
    return SQLITE_OK;
  });
  call("xFileSize", "size", (file, out: Ptr) => {
    heap.setI64(out, vfs.fileAt(file).size());
    return SQLITE_OK;
  });
  call("xUnlock", "unlock", (file, level: number) => {
    vfs.fileAt(file).unlock(level);
    return SQLITE_OK;
  });
  call("xCheckReservedLock", "checkReserved", (file, out: Ptr) => {
    heap.setI32(out, vfs.fileAt(file).reserved() ? 1 : 0);
    return SQLITE_OK;
  });
  call("xClose", "close", (file) => {
    const open = vfs.fileAt(file);
    try {
      open.close();
    } finally {
      vfs.release(file);
    }
    return SQLITE_OK;
  });
  call("xSectorSize", "control", () => SECTOR_BYTES);
  call("xDeviceCharacteristics", "control", () => CHARACTERISTICS);
}

function failed(vfs: HeadwaterVfs, call: VfsCall, error: unknown, pFile: Ptr): number {
  return vfs.failed(call, error, vfs.tryFileAt(pFile));
}
