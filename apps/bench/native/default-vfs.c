/*
 * Makes "litestream" SQLite's default VFS. better-sqlite3 is built with SQLITE_USE_URI=0 and has no option for the VFS, so
 * "file:x.db?vfs=litestream" names a plain file there; with this, an ordinary name opens the peer. Loaded after the peer.
 */
#include "sqlite3ext.h"
SQLITE_EXTENSION_INIT1

int sqlite3_defaultvfs_init(sqlite3 *db, char **error, const sqlite3_api_routines *api) {
  SQLITE_EXTENSION_INIT2(api)
  (void)db;
  (void)error;
  sqlite3_vfs *vfs = sqlite3_vfs_find("litestream");
  return vfs == 0 ? SQLITE_ERROR : sqlite3_vfs_register(vfs, 1);
}
