import { fileBackend } from "./support/backends.js";
import { describeFromPeer } from "./support/from-peer.js";

describeFromPeer(fileBackend);
