import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
import {
  tlsFailureKind,
  tlsWeakness
} from "./chunk-MBLXK57P.js";
import {
  baseName,
  directoryName,
  joinPath,
  pinsOfCertificate,
  readPin
} from "./chunk-2A4NVA3E.js";
import {
  messageOf,
  reach
} from "./chunk-KMLWFRHU.js";
import {
  TransferError,
  abortError,
  throwIfAborted
} from "./chunk-BVY6T2JH.js";
import {
  __commonJS,
  __require,
  __toESM
} from "./chunk-TIQYU5W4.js";

// node_modules/basic-ftp/dist/parseControlResponse.js
var require_parseControlResponse = __commonJS({
  "node_modules/basic-ftp/dist/parseControlResponse.js"(exports) {
    "use strict";
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.parseControlResponse = parseControlResponse;
    exports.isSingleLine = isSingleLine;
    exports.isMultiline = isMultiline;
    exports.positiveCompletion = positiveCompletion;
    exports.positiveIntermediate = positiveIntermediate;
    var LF = "\n";
    function parseControlResponse(text) {
      const lines = text.split(/\r?\n/).filter(isNotBlank);
      const messages = [];
      let startAt = 0;
      let tokenRegex;
      for (let i = 0; i < lines.length; i++) {
        const line = lines[i];
        if (!tokenRegex) {
          if (isMultiline(line)) {
            const token = line.substr(0, 3);
            tokenRegex = new RegExp(`^${token}(?:$| )`);
            startAt = i;
          } else if (isSingleLine(line)) {
            messages.push(line);
          }
        } else if (tokenRegex.test(line)) {
          tokenRegex = void 0;
          messages.push(lines.slice(startAt, i + 1).join(LF));
        }
      }
      const rest = tokenRegex ? lines.slice(startAt).join(LF) + LF : "";
      return { messages, rest };
    }
    function isSingleLine(line) {
      return /^\d\d\d(?:$| )/.test(line);
    }
    function isMultiline(line) {
      return /^\d\d\d-/.test(line);
    }
    function positiveCompletion(code) {
      return code >= 200 && code < 300;
    }
    function positiveIntermediate(code) {
      return code >= 300 && code < 400;
    }
    function isNotBlank(str) {
      return str.trim() !== "";
    }
  }
});

// node_modules/basic-ftp/dist/FtpContext.js
var require_FtpContext = __commonJS({
  "node_modules/basic-ftp/dist/FtpContext.js"(exports) {
    "use strict";
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.FTPContext = exports.FTPError = void 0;
    var net_1 = __require("net");
    var tls_1 = __require("tls");
    var parseControlResponse_1 = require_parseControlResponse();
    var FTPError2 = class extends Error {
      constructor(res) {
        super(res.message);
        this.name = this.constructor.name;
        this.code = res.code;
      }
    };
    exports.FTPError = FTPError2;
    function doNothing() {
    }
    var maxControlResponseLength = 2 ** 16;
    var FTPContext2 = class {
      /**
       * Instantiate an FTP context.
       *
       * @param timeout - Timeout in milliseconds to apply to control and data connections. Use 0 for no timeout.
       * @param encoding - Encoding to use for control connection. UTF-8 by default. Use "latin1" for older servers.
       */
      constructor(timeout = 0, encoding = "utf8") {
        this.timeout = timeout;
        this.verbose = false;
        this.ipFamily = void 0;
        this.tlsOptions = {};
        this.tlsSessionStore = void 0;
        this._partialResponse = "";
        this._encoding = encoding;
        this._socket = this.socket = this._newSocket();
        this._dataSocket = void 0;
      }
      /**
       * Close the context.
       */
      close() {
        const message = this._task ? "User closed client during task" : "User closed client";
        const err = new Error(message);
        this.closeWithError(err);
      }
      /**
       * Close the context with an error.
       */
      closeWithError(err) {
        if (this._closingError) {
          return;
        }
        this._closingError = err;
        this._closeControlSocket();
        this._closeSocket(this._dataSocket);
        this._passToHandler(err);
        this._stopTrackingTask();
      }
      /**
       * Returns true if this context has been closed or hasn't been connected yet. You can reopen it with `access`.
       */
      get closed() {
        return this.socket.remoteAddress === void 0 || this._closingError !== void 0;
      }
      /**
       * Reset this contex and all of its state.
       */
      reset() {
        this.socket = this._newSocket();
      }
      /**
       * Get the FTP control socket.
       */
      get socket() {
        return this._socket;
      }
      /**
       * Set the socket for the control connection. This will only close the current control socket
       * if the new one is not an upgrade to the current one.
       */
      set socket(socket) {
        this.dataSocket = void 0;
        this.tlsOptions = {};
        this.tlsSessionStore = void 0;
        this._partialResponse = "";
        if (this._socket) {
          const newSocketUpgradesExisting = socket.localPort === this._socket.localPort;
          if (newSocketUpgradesExisting) {
            this._removeSocketListeners(this.socket);
          } else {
            this._closeControlSocket();
          }
        }
        if (socket) {
          this._closingError = void 0;
          socket.setTimeout(0);
          socket.setEncoding(this._encoding);
          socket.setKeepAlive(true);
          socket.on("data", (data) => this._onControlSocketData(data));
          socket.on("end", () => this.closeWithError(new Error("Server sent FIN packet unexpectedly, closing connection.")));
          socket.on("close", (hadError) => {
            if (!hadError)
              this.closeWithError(new Error("Server closed connection unexpectedly."));
          });
          this._setupDefaultErrorHandlers(socket, "control socket");
          if (socket instanceof tls_1.TLSSocket) {
            socket.on("session", (session) => {
              this.tlsSessionStore = session;
            });
          }
        }
        this._socket = socket;
      }
      /**
       * Get the current FTP data connection if present.
       */
      get dataSocket() {
        return this._dataSocket;
      }
      /**
       * Set the socket for the data connection. This will automatically close the former data socket.
       */
      set dataSocket(socket) {
        this._closeSocket(this._dataSocket);
        if (socket) {
          socket.setTimeout(0);
          this._setupDefaultErrorHandlers(socket, "data socket");
        }
        this._dataSocket = socket;
      }
      /**
       * Get the currently used encoding.
       */
      get encoding() {
        return this._encoding;
      }
      /**
       * Set the encoding used for the control socket.
       *
       * See https://nodejs.org/api/buffer.html#buffer_buffers_and_character_encodings for what encodings
       * are supported by Node.
       */
      set encoding(encoding) {
        this._encoding = encoding;
        if (this.socket) {
          this.socket.setEncoding(encoding);
        }
      }
      /**
       * Send an FTP command without waiting for or handling the result.
       */
      send(command) {
        const containsPassword = command.startsWith("PASS");
        const description = containsPassword ? "PASS ###" : command;
        if (/[\r\n\0]/.test(command)) {
          throw new Error(`Invalid command: Contains control characters. (${description})`);
        }
        this.log(`> ${description}`);
        this._socket.write(command + "\r\n", this.encoding);
      }
      /**
       * Send an FTP command and handle the first response. Use this if you have a simple
       * request-response situation.
       */
      request(command) {
        return this.handle(command, (res, task) => {
          if (res instanceof Error) {
            task.reject(res);
          } else {
            task.resolve(res);
          }
        });
      }
      /**
       * Send an FTP command and handle any response until you resolve/reject. Use this if you expect multiple responses
       * to a request. This returns a Promise that will hold whatever the response handler passed on when resolving/rejecting its task.
       */
      handle(command, responseHandler) {
        if (this._task) {
          const err = new Error("User launched a task while another one is still running. Forgot to use 'await' or '.then()'?");
          err.stack += `
Running task launched at: ${this._task.stack}`;
          this.closeWithError(err);
        }
        return new Promise((resolveTask, rejectTask) => {
          let settled = false;
          const stopTrackingOnce = () => {
            if (settled) {
              return;
            }
            settled = true;
            this._stopTrackingTask();
          };
          this._task = {
            stack: new Error().stack || "Unknown call stack",
            responseHandler,
            resolver: {
              resolve: (arg) => {
                stopTrackingOnce();
                resolveTask(arg);
              },
              reject: (err) => {
                stopTrackingOnce();
                rejectTask(err);
              }
            }
          };
          if (this._closingError) {
            const err = new Error(`Client is closed because ${this._closingError.message}`);
            err.stack += `
Closing reason: ${this._closingError.stack}`;
            err.code = this._closingError.code !== void 0 ? this._closingError.code : "0";
            this._passToHandler(err);
            return;
          }
          this.socket.setTimeout(this.timeout);
          if (command) {
            try {
              this.send(command);
            } catch (err) {
              this._task.resolver.reject(err);
            }
          }
        });
      }
      /**
       * Log message if set to be verbose.
       */
      log(message) {
        if (this.verbose) {
          console.log(message);
        }
      }
      /**
       * Return true if the control socket is using TLS. This does not mean that a session
       * has already been negotiated.
       */
      get hasTLS() {
        return "encrypted" in this._socket;
      }
      /**
       * Removes reference to current task and handler. This won't resolve or reject the task.
       * @protected
       */
      _stopTrackingTask() {
        this.socket.setTimeout(0);
        this._task = void 0;
      }
      /**
       * Handle incoming data on the control socket. The chunk is going to be of type `string`
       * because we let `socket` handle encoding with `setEncoding`.
       * @protected
       */
      _onControlSocketData(chunk) {
        this.log(`< ${chunk}`);
        if (this._partialResponse.length + chunk.length > maxControlResponseLength) {
          this.closeWithError(new Error("FTP control response exceeded maximum allowed size"));
          return;
        }
        const completeResponse = this._partialResponse + chunk;
        const parsed = (0, parseControlResponse_1.parseControlResponse)(completeResponse);
        this._partialResponse = parsed.rest;
        for (const message of parsed.messages) {
          const code = parseInt(message.substr(0, 3), 10);
          const response = { code, message };
          const err = code >= 400 ? new FTPError2(response) : void 0;
          this._passToHandler(err ? err : response);
        }
      }
      /**
       * Send the current handler a response. This is usually a control socket response
       * or a socket event, like an error or timeout.
       * @protected
       */
      _passToHandler(response) {
        const task = this._task;
        if (task) {
          try {
            task.responseHandler(response, task.resolver);
          } catch (err) {
            task.resolver.reject(err);
            this.closeWithError(err);
          }
        }
      }
      /**
       * Setup all error handlers for a socket.
       * @protected
       */
      _setupDefaultErrorHandlers(socket, identifier) {
        socket.once("error", (error) => {
          error.message += ` (${identifier})`;
          this.closeWithError(error);
        });
        socket.once("close", (hadError) => {
          if (hadError) {
            this.closeWithError(new Error(`Socket closed due to transmission error (${identifier})`));
          }
        });
        socket.once("timeout", () => {
          socket.destroy();
          this.closeWithError(new Error(`Timeout (${identifier})`));
        });
      }
      /**
       * Close the control socket. Sends QUIT, then FIN, and ignores any response or error.
       */
      _closeControlSocket() {
        this._removeSocketListeners(this._socket);
        this._socket.on("error", doNothing);
        this.send("QUIT");
        this._closeSocket(this._socket);
      }
      /**
       * Close a socket, ignores any error.
       * @protected
       */
      _closeSocket(socket) {
        if (socket) {
          this._removeSocketListeners(socket);
          socket.on("error", doNothing);
          socket.destroy();
        }
      }
      /**
       * Remove all default listeners for socket.
       * @protected
       */
      _removeSocketListeners(socket) {
        socket.removeAllListeners();
        socket.removeAllListeners("timeout");
        socket.removeAllListeners("data");
        socket.removeAllListeners("end");
        socket.removeAllListeners("error");
        socket.removeAllListeners("close");
        socket.removeAllListeners("connect");
      }
      /**
       * Provide a new socket instance.
       *
       * Internal use only, replaced for unit tests.
       */
      _newSocket() {
        return new net_1.Socket();
      }
    };
    exports.FTPContext = FTPContext2;
  }
});

// node_modules/basic-ftp/dist/netUtils.js
var require_netUtils = __commonJS({
  "node_modules/basic-ftp/dist/netUtils.js"(exports) {
    "use strict";
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.describeTLS = describeTLS;
    exports.describeAddress = describeAddress;
    exports.upgradeSocket = upgradeSocket;
    exports.isLoopback = isLoopback;
    exports.ipIsPrivateV4Address = ipIsPrivateV4Address;
    var tls_1 = __require("tls");
    function describeTLS(socket) {
      if (socket instanceof tls_1.TLSSocket) {
        const protocol2 = socket.getProtocol();
        return protocol2 ? protocol2 : "Server socket or disconnected client socket";
      }
      return "No encryption";
    }
    function describeAddress(socket) {
      if (socket.remoteFamily === "IPv6") {
        return `[${socket.remoteAddress}]:${socket.remotePort}`;
      }
      return `${socket.remoteAddress}:${socket.remotePort}`;
    }
    function upgradeSocket(socket, options) {
      return new Promise((resolve, reject) => {
        const tlsOptions = Object.assign({}, options, {
          socket
        });
        const tlsSocket = (0, tls_1.connect)(tlsOptions, () => {
          const expectCertificate = tlsOptions.rejectUnauthorized !== false;
          if (expectCertificate && !tlsSocket.authorized) {
            reject(tlsSocket.authorizationError);
          } else {
            tlsSocket.removeAllListeners("error");
            resolve(tlsSocket);
          }
        }).once("error", (error) => {
          reject(error);
        });
      });
    }
    function isLoopback(ip) {
      return ip === "::1" || ip.startsWith("127.");
    }
    function ipIsPrivateV4Address(ip = "") {
      if (ip.startsWith("::ffff:")) {
        ip = ip.substr(7);
      }
      const octets = ip.split(".").map((o) => parseInt(o, 10));
      return octets[0] === 10 || octets[0] === 172 && octets[1] >= 16 && octets[1] <= 31 || octets[0] === 192 && octets[1] === 168 || ip === "127.0.0.1";
    }
  }
});

// node_modules/basic-ftp/dist/FileInfo.js
var require_FileInfo = __commonJS({
  "node_modules/basic-ftp/dist/FileInfo.js"(exports) {
    "use strict";
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.FileInfo = exports.FileType = void 0;
    var FileType;
    (function(FileType2) {
      FileType2[FileType2["Unknown"] = 0] = "Unknown";
      FileType2[FileType2["File"] = 1] = "File";
      FileType2[FileType2["Directory"] = 2] = "Directory";
      FileType2[FileType2["SymbolicLink"] = 3] = "SymbolicLink";
    })(FileType || (exports.FileType = FileType = {}));
    var FileInfo = class {
      constructor(name) {
        this.name = name;
        this.type = FileType.Unknown;
        this.size = 0;
        this.rawModifiedAt = "";
        this.modifiedAt = void 0;
        this.permissions = void 0;
        this.hardLinkCount = void 0;
        this.link = void 0;
        this.group = void 0;
        this.user = void 0;
        this.uniqueID = void 0;
        this.name = name;
      }
      get isDirectory() {
        return this.type === FileType.Directory;
      }
      get isSymbolicLink() {
        return this.type === FileType.SymbolicLink;
      }
      get isFile() {
        return this.type === FileType.File;
      }
      /**
       * Deprecated, legacy API. Use `rawModifiedAt` instead.
       * @deprecated
       */
      get date() {
        return this.rawModifiedAt;
      }
      set date(rawModifiedAt) {
        this.rawModifiedAt = rawModifiedAt;
      }
    };
    exports.FileInfo = FileInfo;
    FileInfo.UnixPermission = {
      Read: 4,
      Write: 2,
      Execute: 1
    };
  }
});

// node_modules/basic-ftp/dist/parseListDOS.js
var require_parseListDOS = __commonJS({
  "node_modules/basic-ftp/dist/parseListDOS.js"(exports) {
    "use strict";
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.testLine = testLine;
    exports.parseLine = parseLine2;
    exports.transformList = transformList;
    var FileInfo_1 = require_FileInfo();
    var RE_LINE = new RegExp(
      "^\\s*(\\S+)\\s+(\\S+)\\s+(?:(<DIR>)|([0-9]+))\\s+(\\S.*)"
      // First non-space followed by rest of line (name)
    );
    function testLine(line) {
      return /^\d{2}/.test(line) && RE_LINE.test(line);
    }
    function parseLine2(line) {
      const groups = line.match(RE_LINE);
      if (groups === null) {
        return void 0;
      }
      const name = groups[5];
      if (name === "." || name === "..") {
        return void 0;
      }
      const file = new FileInfo_1.FileInfo(name);
      const fileType = groups[3];
      if (fileType === "<DIR>") {
        file.type = FileInfo_1.FileType.Directory;
        file.size = 0;
      } else {
        file.type = FileInfo_1.FileType.File;
        file.size = parseInt(groups[4], 10);
      }
      file.rawModifiedAt = groups[1] + " " + groups[2];
      return file;
    }
    function transformList(files) {
      return files;
    }
  }
});

// node_modules/basic-ftp/dist/parseListUnix.js
var require_parseListUnix = __commonJS({
  "node_modules/basic-ftp/dist/parseListUnix.js"(exports) {
    "use strict";
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.testLine = testLine;
    exports.parseLine = parseLine2;
    exports.transformList = transformList;
    var FileInfo_1 = require_FileInfo();
    var JA_MONTH = "月";
    var JA_DAY = "日";
    var JA_YEAR = "年";
    var RE_LINE = new RegExp("^[\\s\\d]*([bcdelfmpSs-])(((r|-)(w|-)([xsStTL-]))((r|-)(w|-)([xsStTL-]))((r|-)(w|-)([xsStTL-]?)))\\+?\\s*(\\d+)\\s+(?:(\\S+(?:\\s\\S+){0,7}?)\\s+)?(?:(\\S+(?:\\s\\S+){0,7})\\s+)?(\\d+(?:,\\s*\\d+)?)\\s+((?:\\d+[-/]\\d+[-/]\\d+)|(?:\\S{3}\\s+\\d{1,2})|(?:\\d{1,2}\\s+\\S{3})|(?:\\d{1,2}" + JA_MONTH + "\\s+\\d{1,2}" + JA_DAY + "))\\s+((?:\\d+(?::\\d+)?)|(?:\\d{4}" + JA_YEAR + "))\\s(.*)");
    function testLine(line) {
      return RE_LINE.test(line);
    }
    function parseLine2(line) {
      const groups = line.match(RE_LINE);
      if (groups === null) {
        return void 0;
      }
      const name = groups[21];
      if (name === "." || name === "..") {
        return void 0;
      }
      const file = new FileInfo_1.FileInfo(name);
      file.size = parseInt(groups[18], 10);
      file.user = groups[16];
      file.group = groups[17];
      file.hardLinkCount = parseInt(groups[15], 10);
      file.rawModifiedAt = groups[19] + " " + groups[20];
      file.permissions = {
        user: parseMode2(groups[4], groups[5], groups[6]),
        group: parseMode2(groups[8], groups[9], groups[10]),
        world: parseMode2(groups[12], groups[13], groups[14])
      };
      switch (groups[1].charAt(0)) {
        case "d":
          file.type = FileInfo_1.FileType.Directory;
          break;
        case "e":
          file.type = FileInfo_1.FileType.SymbolicLink;
          break;
        case "l":
          file.type = FileInfo_1.FileType.SymbolicLink;
          break;
        case "b":
        case "c":
          file.type = FileInfo_1.FileType.File;
          break;
        case "f":
        case "-":
          file.type = FileInfo_1.FileType.File;
          break;
        default:
          file.type = FileInfo_1.FileType.Unknown;
      }
      if (file.isSymbolicLink) {
        const end = name.indexOf(" -> ");
        if (end !== -1) {
          file.name = name.substring(0, end);
          file.link = name.substring(end + 4);
        }
      }
      return file;
    }
    function transformList(files) {
      return files;
    }
    function parseMode2(r, w, x) {
      let value = 0;
      if (r !== "-") {
        value += FileInfo_1.FileInfo.UnixPermission.Read;
      }
      if (w !== "-") {
        value += FileInfo_1.FileInfo.UnixPermission.Write;
      }
      const execToken = x.charAt(0);
      if (execToken !== "-" && execToken.toUpperCase() !== execToken) {
        value += FileInfo_1.FileInfo.UnixPermission.Execute;
      }
      return value;
    }
  }
});

// node_modules/basic-ftp/dist/parseListMLSD.js
var require_parseListMLSD = __commonJS({
  "node_modules/basic-ftp/dist/parseListMLSD.js"(exports) {
    "use strict";
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.testLine = testLine;
    exports.parseLine = parseLine2;
    exports.transformList = transformList;
    exports.parseMLSxDate = parseMLSxDate;
    var FileInfo_1 = require_FileInfo();
    function parseSize2(value, info) {
      info.size = parseInt(value, 10);
    }
    var factHandlersByName = {
      "size": parseSize2,
      // File size
      "sizd": parseSize2,
      // Directory size
      "unique": (value, info) => {
        info.uniqueID = value;
      },
      "modify": (value, info) => {
        info.modifiedAt = parseMLSxDate(value);
        info.rawModifiedAt = info.modifiedAt.toISOString();
      },
      "type": (value, info) => {
        if (value.startsWith("OS.unix=slink")) {
          info.type = FileInfo_1.FileType.SymbolicLink;
          info.link = value.substr(value.indexOf(":") + 1);
          return 1;
        }
        switch (value) {
          case "file":
            info.type = FileInfo_1.FileType.File;
            break;
          case "dir":
            info.type = FileInfo_1.FileType.Directory;
            break;
          case "OS.unix=symlink":
            info.type = FileInfo_1.FileType.SymbolicLink;
            break;
          case "cdir":
          // Current directory being listed
          case "pdir":
            return 2;
          // Don't include these entries in the listing
          default:
            info.type = FileInfo_1.FileType.Unknown;
        }
        return 1;
      },
      "unix.mode": (value, info) => {
        const digits = value.substr(-3);
        info.permissions = {
          user: parseInt(digits[0], 10),
          group: parseInt(digits[1], 10),
          world: parseInt(digits[2], 10)
        };
      },
      "unix.ownername": (value, info) => {
        info.user = value;
      },
      "unix.owner": (value, info) => {
        if (info.user === void 0)
          info.user = value;
      },
      get "unix.uid"() {
        return this["unix.owner"];
      },
      "unix.groupname": (value, info) => {
        info.group = value;
      },
      "unix.group": (value, info) => {
        if (info.group === void 0)
          info.group = value;
      },
      get "unix.gid"() {
        return this["unix.group"];
      }
      // Regarding the fact "perm":
      // We don't handle permission information stored in "perm" because its information is conceptually
      // different from what users of FTP clients usually associate with "permissions". Those that have
      // some expectations (and probably want to edit them with a SITE command) often unknowingly expect
      // the Unix permission system. The information passed by "perm" describes what FTP commands can be
      // executed with a file/directory. But even this can be either incomplete or just meant as a "guide"
      // as the spec mentions. From https://tools.ietf.org/html/rfc3659#section-7.5.5: "The permissions are
      // described here as they apply to FTP commands. They may not map easily into particular permissions
      // available on the server's operating system." The parser by Apache Commons tries to translate these
      // to Unix permissions – this is misleading users and might not even be correct.
    };
    function splitStringOnce(str, delimiter) {
      const pos = str.indexOf(delimiter);
      const a = str.substr(0, pos);
      const b = str.substr(pos + delimiter.length);
      return [a, b];
    }
    function testLine(line) {
      return /^[^\s=]+=\S+;/.test(line) || line.startsWith(" ");
    }
    function parseLine2(line) {
      const [packedFacts, name] = splitStringOnce(line, " ");
      if (name === "" || name === "." || name === "..") {
        return void 0;
      }
      const info = new FileInfo_1.FileInfo(name);
      const facts = packedFacts.split(";");
      for (const fact of facts) {
        const [factName, factValue] = splitStringOnce(fact, "=");
        if (!factValue) {
          continue;
        }
        const factHandler = factHandlersByName[factName.toLowerCase()];
        if (!factHandler) {
          continue;
        }
        const result = factHandler(factValue, info);
        if (result === 2) {
          return void 0;
        }
      }
      return info;
    }
    function transformList(files) {
      const nonLinksByID = /* @__PURE__ */ new Map();
      for (const file of files) {
        if (!file.isSymbolicLink && file.uniqueID !== void 0) {
          nonLinksByID.set(file.uniqueID, file);
        }
      }
      const resolvedFiles = [];
      for (const file of files) {
        if (file.isSymbolicLink && file.uniqueID !== void 0 && file.link === void 0) {
          const target = nonLinksByID.get(file.uniqueID);
          if (target !== void 0) {
            file.link = target.name;
          }
        }
        const isPartOfDirectory = !file.name.includes("/");
        if (isPartOfDirectory) {
          resolvedFiles.push(file);
        }
      }
      return resolvedFiles;
    }
    function parseMLSxDate(fact) {
      return new Date(Date.UTC(
        +fact.slice(0, 4),
        // Year
        +fact.slice(4, 6) - 1,
        // Month
        +fact.slice(6, 8),
        // Date
        +fact.slice(8, 10),
        // Hours
        +fact.slice(10, 12),
        // Minutes
        +fact.slice(12, 14),
        // Seconds
        +fact.slice(15, 18)
        // Milliseconds
      ));
    }
  }
});

// node_modules/basic-ftp/dist/parseList.js
var require_parseList = __commonJS({
  "node_modules/basic-ftp/dist/parseList.js"(exports) {
    "use strict";
    var __createBinding = exports && exports.__createBinding || (Object.create ? (function(o, m, k, k2) {
      if (k2 === void 0) k2 = k;
      var desc = Object.getOwnPropertyDescriptor(m, k);
      if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
        desc = { enumerable: true, get: function() {
          return m[k];
        } };
      }
      Object.defineProperty(o, k2, desc);
    }) : (function(o, m, k, k2) {
      if (k2 === void 0) k2 = k;
      o[k2] = m[k];
    }));
    var __setModuleDefault = exports && exports.__setModuleDefault || (Object.create ? (function(o, v) {
      Object.defineProperty(o, "default", { enumerable: true, value: v });
    }) : function(o, v) {
      o["default"] = v;
    });
    var __importStar = exports && exports.__importStar || /* @__PURE__ */ (function() {
      var ownKeys = function(o) {
        ownKeys = Object.getOwnPropertyNames || function(o2) {
          var ar = [];
          for (var k in o2) if (Object.prototype.hasOwnProperty.call(o2, k)) ar[ar.length] = k;
          return ar;
        };
        return ownKeys(o);
      };
      return function(mod) {
        if (mod && mod.__esModule) return mod;
        var result = {};
        if (mod != null) {
          for (var k = ownKeys(mod), i = 0; i < k.length; i++) if (k[i] !== "default") __createBinding(result, mod, k[i]);
        }
        __setModuleDefault(result, mod);
        return result;
      };
    })();
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.parseList = parseList2;
    var dosParser = __importStar(require_parseListDOS());
    var unixParser = __importStar(require_parseListUnix());
    var mlsdParser = __importStar(require_parseListMLSD());
    var availableParsers = [
      dosParser,
      unixParser,
      mlsdParser
      // Keep MLSD last, may accept filename only
    ];
    function firstCompatibleParser(line, parsers) {
      return parsers.find((parser) => parser.testLine(line) === true);
    }
    function isNotBlank(str) {
      return str.trim() !== "";
    }
    function isNotMeta(str) {
      return !str.startsWith("total");
    }
    var REGEX_NEWLINE = /\r?\n/;
    function parseList2(rawList) {
      const lines = rawList.split(REGEX_NEWLINE).filter(isNotBlank).filter(isNotMeta);
      if (lines.length === 0) {
        return [];
      }
      const testLine = lines[lines.length - 1];
      const parser = firstCompatibleParser(testLine, availableParsers);
      if (!parser) {
        throw new Error("This library only supports MLSD, Unix- or DOS-style directory listing. Your FTP server seems to be using another format. You can see the transmitted listing when setting `client.ftp.verbose = true`. You can then provide a custom parser to `client.parseList`, see the documentation for details.");
      }
      const files = lines.map(parser.parseLine).filter((info) => info !== void 0);
      return parser.transformList(files);
    }
  }
});

// node_modules/basic-ftp/dist/ProgressTracker.js
var require_ProgressTracker = __commonJS({
  "node_modules/basic-ftp/dist/ProgressTracker.js"(exports) {
    "use strict";
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.ProgressTracker = void 0;
    var ProgressTracker = class {
      constructor() {
        this.bytesOverall = 0;
        this.intervalMs = 500;
        this.onStop = noop;
        this.onHandle = noop;
      }
      /**
       * Register a new handler for progress info. Use `undefined` to disable reporting.
       */
      reportTo(onHandle = noop) {
        this.onHandle = onHandle;
      }
      /**
       * Start tracking transfer progress of a socket.
       *
       * @param socket  The socket to observe.
       * @param name  A name associated with this progress tracking, e.g. a filename.
       * @param type  The type of the transfer, typically "upload" or "download".
       */
      start(socket, name, type) {
        let lastBytes = 0;
        this.onStop = poll(this.intervalMs, () => {
          const bytes = socket.bytesRead + socket.bytesWritten;
          this.bytesOverall += bytes - lastBytes;
          lastBytes = bytes;
          this.onHandle({
            name,
            type,
            bytes,
            bytesOverall: this.bytesOverall
          });
        });
      }
      /**
       * Stop tracking transfer progress.
       */
      stop() {
        this.onStop(false);
      }
      /**
       * Call the progress handler one more time, then stop tracking.
       */
      updateAndStop() {
        this.onStop(true);
      }
    };
    exports.ProgressTracker = ProgressTracker;
    function poll(intervalMs, updateFunc) {
      const id = setInterval(updateFunc, intervalMs);
      const stopFunc = (stopWithUpdate) => {
        clearInterval(id);
        if (stopWithUpdate) {
          updateFunc();
        }
        updateFunc = noop;
      };
      updateFunc();
      return stopFunc;
    }
    function noop() {
    }
  }
});

// node_modules/basic-ftp/dist/StringWriter.js
var require_StringWriter = __commonJS({
  "node_modules/basic-ftp/dist/StringWriter.js"(exports) {
    "use strict";
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.StringWriter = void 0;
    var stream_1 = __require("stream");
    var StringWriter = class extends stream_1.Writable {
      constructor(maxByteLength = 1 * 1024 * 1024) {
        super();
        this.maxByteLength = maxByteLength;
        this.byteLength = 0;
        this.bufs = [];
      }
      _write(chunk, _, callback) {
        if (!(chunk instanceof Buffer)) {
          callback(new Error("StringWriter: expects chunks of type 'Buffer'."));
          return;
        }
        if (this.byteLength + chunk.byteLength > this.maxByteLength) {
          callback(new Error(`StringWriter: Maximum bytes exceeded, maxByteLength=${this.maxByteLength}.`));
          return;
        }
        this.byteLength += chunk.byteLength;
        this.bufs.push(chunk);
        callback(null);
      }
      getText(encoding) {
        return Buffer.concat(this.bufs).toString(encoding);
      }
    };
    exports.StringWriter = StringWriter;
  }
});

// node_modules/basic-ftp/dist/TransferWatchdog.js
var require_TransferWatchdog = __commonJS({
  "node_modules/basic-ftp/dist/TransferWatchdog.js"(exports) {
    "use strict";
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.TransferWatchdog = void 0;
    var maxCheckIntervalMs = 500;
    var minChecksPerTimeout = 4;
    var TransferWatchdog = class {
      constructor() {
        this.timer = void 0;
      }
      /**
       * Start watching a transfer. Calls `onStall` if the server hasn't made progress for
       * `timeout` milliseconds, or for twice that if we made it wait ourselves before that.
       * A timeout of 0 disables the watchdog.
       */
      start(socket, direction, timeout, onStall) {
        this.stop();
        if (timeout <= 0) {
          return;
        }
        const intervalMs = Math.max(1, Math.min(Math.floor(timeout / minChecksPerTimeout), maxCheckIntervalMs));
        let lastBytes = countBytes(socket);
        let idleMs = 0;
        let graceMs = 0;
        this.timer = setInterval(() => {
          const bytes = countBytes(socket);
          const madeProgress = bytes !== lastBytes;
          lastBytes = bytes;
          if (!isWaitingForServer(socket, direction)) {
            idleMs = 0;
            graceMs = timeout;
            return;
          }
          if (madeProgress) {
            idleMs = 0;
            graceMs = 0;
            return;
          }
          idleMs += intervalMs;
          if (idleMs >= timeout + graceMs) {
            this.stop();
            onStall();
          }
        }, intervalMs);
        this.timer.unref();
      }
      /**
       * Stop watching. Safe to call at any time, also if no transfer is being watched.
       */
      stop() {
        if (this.timer) {
          clearInterval(this.timer);
          this.timer = void 0;
        }
      }
    };
    exports.TransferWatchdog = TransferWatchdog;
    function countBytes(socket) {
      return socket.bytesRead + socket.bytesWritten;
    }
    function isWaitingForServer(socket, direction) {
      return direction === "download" ? !socket.isPaused() : socket.writableLength > 0;
    }
  }
});

// node_modules/basic-ftp/dist/transfer.js
var require_transfer = __commonJS({
  "node_modules/basic-ftp/dist/transfer.js"(exports) {
    "use strict";
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.enterPassiveModeIPv6 = enterPassiveModeIPv6;
    exports.parseEpsvResponse = parseEpsvResponse;
    exports.enterPassiveModeIPv4 = enterPassiveModeIPv4;
    exports.enterPassiveModeIPv4_forceControlHostIP = enterPassiveModeIPv4_forceControlHostIP;
    exports.parsePasvResponse = parsePasvResponse;
    exports.connectForPassiveTransfer = connectForPassiveTransfer;
    exports.uploadFrom = uploadFrom;
    exports.downloadTo = downloadTo;
    var stream_1 = __require("stream");
    var tls_1 = __require("tls");
    var TransferWatchdog_1 = require_TransferWatchdog();
    var netUtils_1 = require_netUtils();
    var parseControlResponse_1 = require_parseControlResponse();
    async function enterPassiveModeIPv6(ftp) {
      const res = await ftp.request("EPSV");
      const port = parseEpsvResponse(res.message);
      if (!port) {
        throw new Error("Can't parse EPSV response: " + res.message);
      }
      const controlHost = ftp.socket.remoteAddress;
      if (controlHost === void 0) {
        throw new Error("Control socket is disconnected, can't get remote address.");
      }
      await connectForPassiveTransfer(controlHost, port, ftp);
      return res;
    }
    function parseEpsvResponse(message) {
      const groups = message.match(/[|!]{3}(.+)[|!]/);
      if (groups === null || groups[1] === void 0) {
        throw new Error(`Can't parse response to 'EPSV': ${message}`);
      }
      const port = parseInt(groups[1], 10);
      if (Number.isNaN(port)) {
        throw new Error(`Can't parse response to 'EPSV', port is not a number: ${message}`);
      }
      return port;
    }
    async function enterPassiveModeIPv4(ftp) {
      const res = await ftp.request("PASV");
      const target = parsePasvResponse(res.message);
      if (!target) {
        throw new Error("Can't parse PASV response: " + res.message);
      }
      const controlHost = ftp.socket.remoteAddress;
      if ((0, netUtils_1.ipIsPrivateV4Address)(target.host) && controlHost && !(0, netUtils_1.ipIsPrivateV4Address)(controlHost)) {
        target.host = controlHost;
      }
      await connectForPassiveTransfer(target.host, target.port, ftp);
      return res;
    }
    async function enterPassiveModeIPv4_forceControlHostIP(ftp) {
      const res = await ftp.request("PASV");
      const target = parsePasvResponse(res.message);
      if (!target) {
        throw new Error("Can't parse PASV response: " + res.message);
      }
      const controlHost = ftp.socket.remoteAddress;
      if (controlHost === void 0) {
        throw new Error("Control socket is disconnected, can't get remote address.");
      }
      const normalizedControlHost = controlHost.replace(/^::ffff:/i, "");
      const hostsAreCompatible = normalizedControlHost === target.host || (0, netUtils_1.isLoopback)(normalizedControlHost) && (0, netUtils_1.isLoopback)(target.host);
      if (!hostsAreCompatible) {
        throw new Error(`PASV returned another host (${target.host}) for data transfer that you have connected to (${controlHost}). Even though the FTP protocol allows this, basic-ftp disables this feature by default for security reasons. If you do need this feature, instantiate the Client with the optional paramter "allowSeparateTransferHost: true". See the README documentation for more information.`);
      }
      await connectForPassiveTransfer(normalizedControlHost, target.port, ftp);
      return res;
    }
    function parsePasvResponse(message) {
      const groups = message.match(/(?<![-\d])([-\d]+,[-\d]+,[-\d]+,[-\d]+),([-\d]+),([-\d]+)/);
      if (groups === null || groups.length !== 4) {
        throw new Error(`Can't parse response to 'PASV': ${message}`);
      }
      return {
        host: groups[1].replace(/,/g, "."),
        port: (parseInt(groups[2], 10) & 255) * 256 + (parseInt(groups[3], 10) & 255)
      };
    }
    function connectForPassiveTransfer(host, port, ftp) {
      return new Promise((resolve, reject) => {
        const rawSocket = ftp._newSocket();
        let socket = rawSocket;
        const handleConnErr = function(err) {
          err.message = "Can't open data connection in passive mode: " + err.message;
          reject(err);
        };
        const handleTimeout = function() {
          socket.destroy();
          reject(new Error(`Timeout when trying to open data connection to ${host}:${port}`));
        };
        socket.setTimeout(ftp.timeout);
        socket.on("error", handleConnErr);
        socket.on("timeout", handleTimeout);
        socket.connect({ port, host, family: ftp.ipFamily }, () => {
          var _a;
          if (ftp.socket instanceof tls_1.TLSSocket) {
            const tlsSocket = (0, tls_1.connect)(Object.assign({}, ftp.tlsOptions, {
              socket: rawSocket,
              // Reuse the TLS session negotiated earlier when the control connection
              // was upgraded. Servers expect this because it provides additional
              // security: If a completely new session would be negotiated, a hacker
              // could guess the port and connect to the new data connection before we do
              // by just starting his/her own TLS session.
              session: (_a = ftp.tlsSessionStore) !== null && _a !== void 0 ? _a : ftp.socket.getSession()
            }));
            tlsSocket.on("session", (session) => {
              ftp.tlsSessionStore = session;
            });
            socket = tlsSocket;
          }
          rawSocket.setTimeout(0);
          socket.removeListener("error", handleConnErr);
          socket.removeListener("timeout", handleTimeout);
          ftp.dataSocket = socket;
          resolve();
        });
      });
    }
    var TransferResolver = class {
      /**
       * Instantiate a TransferResolver
       */
      constructor(ftp, progress) {
        this.ftp = ftp;
        this.progress = progress;
        this.response = void 0;
        this.dataTransferDone = false;
        this.taskSettled = false;
        this.watchdog = new TransferWatchdog_1.TransferWatchdog();
      }
      /**
       * Mark the beginning of a transfer.
       *
       * @param name - Name of the transfer, usually the filename.
       * @param type - Type of transfer, usually "upload" or "download".
       */
      onDataStart(name, type) {
        if (this.ftp.dataSocket === void 0) {
          throw new Error("Data transfer should start but there is no data connection.");
        }
        this.ftp.socket.setTimeout(0);
        this.ftp.dataSocket.setTimeout(0);
        this.watchdog.start(this.ftp.dataSocket, type === "upload" ? "upload" : "download", this.ftp.timeout, () => {
          this.ftp.closeWithError(new Error("Timeout (data socket)"));
        });
        this.progress.start(this.ftp.dataSocket, name, type);
      }
      /**
       * The data connection has finished the transfer.
       */
      onDataDone(task) {
        if (this.taskSettled) {
          return;
        }
        this.watchdog.stop();
        this.progress.updateAndStop();
        this.ftp.socket.setTimeout(this.ftp.timeout);
        this.dataTransferDone = true;
        this.tryResolve(task);
      }
      /**
       * The control connection reports the transfer as finished.
       */
      onControlDone(task, response) {
        this.response = response;
        this.tryResolve(task);
      }
      /**
       * An error has been reported and the task should be rejected.
       */
      onError(task, err) {
        if (this.taskSettled) {
          return;
        }
        this.taskSettled = true;
        this.watchdog.stop();
        this.progress.updateAndStop();
        this.ftp.socket.setTimeout(this.ftp.timeout);
        this.ftp.dataSocket = void 0;
        task.reject(err);
      }
      /**
       * Control connection sent an unexpected request requiring a response from our part. We
       * can't provide that (because unknown) and have to close the contrext with an error because
       * the FTP server is now caught up in a state we can't resolve.
       */
      onUnexpectedRequest(response) {
        const err = new Error(`Unexpected FTP response is requesting an answer: ${response.message}`);
        this.ftp.closeWithError(err);
      }
      tryResolve(task) {
        const canResolve = this.dataTransferDone && this.response !== void 0;
        if (canResolve) {
          this.taskSettled = true;
          this.ftp.dataSocket = void 0;
          task.resolve(this.response);
        }
      }
    };
    function uploadFrom(source, config) {
      const resolver = new TransferResolver(config.ftp, config.tracker);
      const fullCommand = `${config.command} ${config.remotePath}`;
      let transferStarted = false;
      return config.ftp.handle(fullCommand, (res, task) => {
        if (res instanceof Error) {
          resolver.onError(task, res);
        } else if (res.code === 150 || res.code === 125) {
          if (transferStarted) {
            return;
          }
          transferStarted = true;
          const dataSocket = config.ftp.dataSocket;
          if (!dataSocket) {
            resolver.onError(task, new Error("Upload should begin but no data connection is available."));
            return;
          }
          const canUpload = "getCipher" in dataSocket ? dataSocket.getCipher() !== void 0 : true;
          onConditionOrEvent(canUpload, dataSocket, "secureConnect", () => {
            config.ftp.log(`Uploading to ${(0, netUtils_1.describeAddress)(dataSocket)} (${(0, netUtils_1.describeTLS)(dataSocket)})`);
            resolver.onDataStart(config.remotePath, config.type);
            (0, stream_1.pipeline)(source, dataSocket, (err) => {
              if (err) {
                resolver.onError(task, err);
              } else {
                resolver.onDataDone(task);
              }
            });
          });
        } else if ((0, parseControlResponse_1.positiveCompletion)(res.code)) {
          resolver.onControlDone(task, res);
        } else if ((0, parseControlResponse_1.positiveIntermediate)(res.code)) {
          resolver.onUnexpectedRequest(res);
        }
      });
    }
    function downloadTo(destination, config) {
      if (!config.ftp.dataSocket) {
        throw new Error("Download will be initiated but no data connection is available.");
      }
      const resolver = new TransferResolver(config.ftp, config.tracker);
      let transferStarted = false;
      return config.ftp.handle(config.command, (res, task) => {
        if (res instanceof Error) {
          resolver.onError(task, res);
        } else if (res.code === 150 || res.code === 125) {
          if (transferStarted) {
            return;
          }
          transferStarted = true;
          const dataSocket = config.ftp.dataSocket;
          if (!dataSocket) {
            resolver.onError(task, new Error("Download should begin but no data connection is available."));
            return;
          }
          config.ftp.log(`Downloading from ${(0, netUtils_1.describeAddress)(dataSocket)} (${(0, netUtils_1.describeTLS)(dataSocket)})`);
          resolver.onDataStart(config.remotePath, config.type);
          (0, stream_1.pipeline)(dataSocket, destination, (err) => {
            if (err) {
              resolver.onError(task, err);
            } else {
              resolver.onDataDone(task);
            }
          });
        } else if (res.code === 350) {
          config.ftp.send("RETR " + config.remotePath);
        } else if ((0, parseControlResponse_1.positiveCompletion)(res.code)) {
          resolver.onControlDone(task, res);
        } else if ((0, parseControlResponse_1.positiveIntermediate)(res.code)) {
          resolver.onUnexpectedRequest(res);
        }
      });
    }
    function onConditionOrEvent(condition, emitter, eventName, action) {
      if (condition === true) {
        action();
      } else {
        emitter.once(eventName, () => action());
      }
    }
  }
});

// node_modules/basic-ftp/dist/Client.js
var require_Client = __commonJS({
  "node_modules/basic-ftp/dist/Client.js"(exports) {
    "use strict";
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.Client = void 0;
    var fs_1 = __require("fs");
    var path_1 = __require("path");
    var tls_1 = __require("tls");
    var util_1 = __require("util");
    var FtpContext_1 = require_FtpContext();
    var netUtils_1 = require_netUtils();
    var parseControlResponse_1 = require_parseControlResponse();
    var parseList_1 = require_parseList();
    var parseListMLSD_1 = require_parseListMLSD();
    var ProgressTracker_1 = require_ProgressTracker();
    var StringWriter_1 = require_StringWriter();
    var transfer_1 = require_transfer();
    var fsReadDir = (0, util_1.promisify)(fs_1.readdir);
    var fsMkDir = (0, util_1.promisify)(fs_1.mkdir);
    var fsStat = (0, util_1.promisify)(fs_1.stat);
    var fsFStat = (0, util_1.promisify)(fs_1.fstat);
    var fsOpen = (0, util_1.promisify)(fs_1.open);
    var fsClose = (0, util_1.promisify)(fs_1.close);
    var fsUnlink = (0, util_1.promisify)(fs_1.unlink);
    var defaultClientOptions = {
      /** For security reasons this library should not allow separate transfer hosts by default. */
      allowSeparateTransferHost: false,
      maxListingBytes: 40 * 1024 * 1024
    };
    var LIST_COMMANDS_DEFAULT = () => ["LIST -a", "LIST"];
    var LIST_COMMANDS_MLSD = () => ["MLSD", "LIST -a", "LIST"];
    var Client = class {
      /**
       * Instantiate an FTP client.
       *
       * @param timeout  Timeout in milliseconds, use 0 for no timeout. Optional, default is 30 seconds.
       */
      constructor(timeout = 3e4, userOptions = defaultClientOptions) {
        this.availableListCommands = LIST_COMMANDS_DEFAULT();
        const options = { ...defaultClientOptions, ...userOptions };
        this.ftp = new FtpContext_1.FTPContext(timeout);
        this.prepareTransfer = this._enterFirstCompatibleMode([
          transfer_1.enterPassiveModeIPv6,
          options.allowSeparateTransferHost ? transfer_1.enterPassiveModeIPv4 : transfer_1.enterPassiveModeIPv4_forceControlHostIP
        ]);
        this.options = options;
        this.parseList = parseList_1.parseList;
        this._progressTracker = new ProgressTracker_1.ProgressTracker();
      }
      /**
       * Close the client and all open socket connections.
       *
       * Close the client and all open socket connections. The client can’t be used anymore after calling this method,
       * you have to either reconnect with `access` or `connect` or instantiate a new instance to continue any work.
       * A client is also closed automatically if any timeout or connection error occurs.
       */
      close() {
        this.ftp.close();
        this._progressTracker.stop();
      }
      /**
       * Returns true if the client is closed and can't be used anymore.
       */
      get closed() {
        return this.ftp.closed;
      }
      /**
       * Connect (or reconnect) to an FTP server.
       *
       * This is an instance method and thus can be called multiple times during the lifecycle of a `Client`
       * instance. Whenever you do, the client is reset with a new control connection. This also implies that
       * you can reopen a `Client` instance that has been closed due to an error when reconnecting with this
       * method. In fact, reconnecting is the only way to continue using a closed `Client`.
       *
       * @param host  Host the client should connect to. Optional, default is "localhost".
       * @param port  Port the client should connect to. Optional, default is 21.
       */
      connect(host = "localhost", port = 21) {
        this.ftp.reset();
        this.ftp.socket.connect({
          host,
          port,
          family: this.ftp.ipFamily
        }, () => this.ftp.log(`Connected to ${(0, netUtils_1.describeAddress)(this.ftp.socket)} (${(0, netUtils_1.describeTLS)(this.ftp.socket)})`));
        return this._handleConnectResponse();
      }
      /**
       * As `connect` but using implicit TLS. Implicit TLS is not an FTP standard and has been replaced by
       * explicit TLS. There are still FTP servers that support only implicit TLS, though.
       */
      connectImplicitTLS(host = "localhost", port = 21, tlsOptions = {}) {
        var _a;
        this.ftp.reset();
        tlsOptions.host = (_a = tlsOptions.host) !== null && _a !== void 0 ? _a : host;
        this.ftp.socket = (0, tls_1.connect)(port, host, tlsOptions, () => this.ftp.log(`Connected to ${(0, netUtils_1.describeAddress)(this.ftp.socket)} (${(0, netUtils_1.describeTLS)(this.ftp.socket)})`));
        this.ftp.tlsOptions = tlsOptions;
        return this._handleConnectResponse();
      }
      /**
       * Handles the first reponse by an FTP server after the socket connection has been established.
       */
      _handleConnectResponse() {
        return this.ftp.handle(void 0, (res, task) => {
          if (res instanceof Error) {
            task.reject(res);
          } else if ((0, parseControlResponse_1.positiveCompletion)(res.code)) {
            task.resolve(res);
          } else {
            task.reject(new FtpContext_1.FTPError(res));
          }
        });
      }
      /**
       * Send an FTP command and handle the first response.
       */
      send(command, ignoreErrorCodesDEPRECATED = false) {
        if (ignoreErrorCodesDEPRECATED) {
          this.ftp.log("Deprecated call using send(command, flag) with boolean flag to ignore errors. Use sendIgnoringError(command).");
          return this.sendIgnoringError(command);
        }
        return this.ftp.request(command);
      }
      /**
       * Send an FTP command and ignore an FTP error response. Any other kind of error or timeout will still reject the Promise.
       *
       * @param command
       */
      sendIgnoringError(command) {
        return this.ftp.handle(command, (res, task) => {
          if (res instanceof FtpContext_1.FTPError) {
            task.resolve({ code: res.code, message: res.message });
          } else if (res instanceof Error) {
            task.reject(res);
          } else {
            task.resolve(res);
          }
        });
      }
      /**
       * Upgrade the current socket connection to TLS.
       *
       * @param options  TLS options as in `tls.connect(options)`, optional.
       * @param command  Set the authentication command. Optional, default is "AUTH TLS".
       */
      async useTLS(options = {}, command = "AUTH TLS") {
        const ret = await this.send(command);
        this.ftp.socket = await (0, netUtils_1.upgradeSocket)(this.ftp.socket, options);
        this.ftp.tlsOptions = options;
        this.ftp.log(`Control socket is using: ${(0, netUtils_1.describeTLS)(this.ftp.socket)}`);
        return ret;
      }
      /**
       * Login a user with a password.
       *
       * @param user  Username to use for login. Optional, default is "anonymous".
       * @param password  Password to use for login. Optional, default is "guest".
       */
      login(user = "anonymous", password = "guest") {
        this.ftp.log(`Login security: ${(0, netUtils_1.describeTLS)(this.ftp.socket)}`);
        return this.ftp.handle("USER " + user, (res, task) => {
          if (res instanceof Error) {
            task.reject(res);
          } else if ((0, parseControlResponse_1.positiveCompletion)(res.code)) {
            task.resolve(res);
          } else if (res.code === 331) {
            this.ftp.send("PASS " + password);
          } else {
            task.reject(new FtpContext_1.FTPError(res));
          }
        });
      }
      /**
       * Set the usual default settings.
       *
       * Settings used:
       * * Binary mode (TYPE I)
       * * File structure (STRU F)
       * * Additional settings for FTPS (PBSZ 0, PROT P)
       */
      async useDefaultSettings() {
        const features = await this.features();
        const supportsMLSD = features.has("MLST");
        this.availableListCommands = supportsMLSD ? LIST_COMMANDS_MLSD() : LIST_COMMANDS_DEFAULT();
        await this.send("TYPE I");
        await this.sendIgnoringError("STRU F");
        await this.sendIgnoringError("OPTS UTF8 ON");
        if (supportsMLSD) {
          await this.sendIgnoringError("OPTS MLST type;size;modify;unique;unix.mode;unix.owner;unix.group;unix.ownername;unix.groupname;");
        }
        if (this.ftp.hasTLS) {
          await this.sendIgnoringError("PBSZ 0");
          await this.sendIgnoringError("PROT P");
        }
      }
      /**
       * Convenience method that calls `connect`, `useTLS`, `login` and `useDefaultSettings`.
       *
       * This is an instance method and thus can be called multiple times during the lifecycle of a `Client`
       * instance. Whenever you do, the client is reset with a new control connection. This also implies that
       * you can reopen a `Client` instance that has been closed due to an error when reconnecting with this
       * method. In fact, reconnecting is the only way to continue using a closed `Client`.
       */
      async access(options = {}) {
        var _a, _b;
        const useExplicitTLS = options.secure === true;
        const useImplicitTLS = options.secure === "implicit";
        let welcome;
        if (useImplicitTLS) {
          welcome = await this.connectImplicitTLS(options.host, options.port, options.secureOptions);
        } else {
          welcome = await this.connect(options.host, options.port);
        }
        if (useExplicitTLS) {
          const secureOptions = (_a = options.secureOptions) !== null && _a !== void 0 ? _a : {};
          secureOptions.host = (_b = secureOptions.host) !== null && _b !== void 0 ? _b : options.host;
          await this.useTLS(secureOptions);
        }
        await this.sendIgnoringError("OPTS UTF8 ON");
        await this.login(options.user, options.password);
        await this.useDefaultSettings();
        return welcome;
      }
      /**
       * Get the current working directory.
       */
      async pwd() {
        const res = await this.send("PWD");
        const parsed = res.message.match(/"(.+)"/);
        if (parsed === null || parsed[1] === void 0) {
          throw new Error(`Can't parse response to command 'PWD': ${res.message}`);
        }
        return parsed[1];
      }
      /**
       * Get a description of supported features.
       *
       * This sends the FEAT command and parses the result into a Map where keys correspond to available commands
       * and values hold further information. Be aware that your FTP servers might not support this
       * command in which case this method will not throw an exception but just return an empty Map.
       */
      async features() {
        const res = await this.sendIgnoringError("FEAT");
        const features = /* @__PURE__ */ new Map();
        if (res.code < 400 && (0, parseControlResponse_1.isMultiline)(res.message)) {
          res.message.split("\n").slice(1, -1).forEach((line) => {
            const entry = line.trim().split(" ");
            features.set(entry[0], entry[1] || "");
          });
        }
        return features;
      }
      /**
       * Set the working directory.
       */
      async cd(path) {
        const validPath = await this.protectWhitespace(path);
        return this.send("CWD " + validPath);
      }
      /**
       * Switch to the parent directory of the working directory.
       */
      async cdup() {
        return this.send("CDUP");
      }
      /**
       * Get the last modified time of a file. This is not supported by every FTP server, in which case
       * calling this method will throw an exception.
       */
      async lastMod(path) {
        const validPath = await this.protectWhitespace(path);
        const res = await this.send(`MDTM ${validPath}`);
        const date = res.message.slice(4);
        return (0, parseListMLSD_1.parseMLSxDate)(date);
      }
      /**
       * Get the size of a file.
       */
      async size(path) {
        const validPath = await this.protectWhitespace(path);
        const command = `SIZE ${validPath}`;
        const res = await this.send(command);
        const size = parseInt(res.message.slice(4), 10);
        if (Number.isNaN(size)) {
          throw new Error(`Can't parse response to command '${command}' as a numerical value: ${res.message}`);
        }
        return size;
      }
      /**
       * Rename a file.
       *
       * Depending on the FTP server this might also be used to move a file from one
       * directory to another by providing full paths.
       */
      async rename(srcPath, destPath) {
        const validSrc = await this.protectWhitespace(srcPath);
        const validDest = await this.protectWhitespace(destPath);
        await this.send("RNFR " + validSrc);
        return this.send("RNTO " + validDest);
      }
      /**
       * Remove a file from the current working directory.
       *
       * You can ignore FTP error return codes which won't throw an exception if e.g.
       * the file doesn't exist.
       */
      async remove(path, ignoreErrorCodes = false) {
        const validPath = await this.protectWhitespace(path);
        if (ignoreErrorCodes) {
          return this.sendIgnoringError(`DELE ${validPath}`);
        }
        return this.send(`DELE ${validPath}`);
      }
      /**
       * Report transfer progress for any upload or download to a given handler.
       *
       * This will also reset the overall transfer counter that can be used for multiple transfers. You can
       * also call the function without a handler to stop reporting to an earlier one.
       *
       * @param handler  Handler function to call on transfer progress.
       */
      trackProgress(handler) {
        this._progressTracker.bytesOverall = 0;
        this._progressTracker.reportTo(handler);
      }
      /**
       * Upload data from a readable stream or a local file to a remote file.
       *
       * @param source  Readable stream or path to a local file.
       * @param toRemotePath  Path to a remote file to write to.
       */
      async uploadFrom(source, toRemotePath, options = {}) {
        return this._uploadWithCommand(source, toRemotePath, "STOR", options);
      }
      /**
       * Upload data from a readable stream or a local file by appending it to an existing file. If the file doesn't
       * exist the FTP server should create it.
       *
       * @param source  Readable stream or path to a local file.
       * @param toRemotePath  Path to a remote file to write to.
       */
      async appendFrom(source, toRemotePath, options = {}) {
        return this._uploadWithCommand(source, toRemotePath, "APPE", options);
      }
      /**
       * @protected
       */
      async _uploadWithCommand(source, remotePath, command, options) {
        if (typeof source === "string") {
          return this._uploadLocalFile(source, remotePath, command, options);
        }
        return this._uploadFromStream(source, remotePath, command);
      }
      /**
       * @protected
       */
      async _uploadLocalFile(localPath, remotePath, command, options) {
        const fd = await fsOpen(localPath, "r");
        const source = (0, fs_1.createReadStream)("", {
          fd,
          start: options.localStart,
          end: options.localEndInclusive,
          autoClose: false
        });
        try {
          const expectedBytes = await expectedBytesFromLocalFile(fd, options);
          const response = await this._uploadFromStream(source, remotePath, command);
          if (expectedBytes !== void 0 && source.bytesRead !== expectedBytes) {
            throw new Error(`Local file "${localPath}" changed while it was being uploaded to "${remotePath}": expected to send ${expectedBytes} bytes but sent ${source.bytesRead}. The remote file is incomplete.`);
          }
          return response;
        } finally {
          await ignoreError(() => fsClose(fd));
        }
      }
      /**
       * @protected
       */
      async _uploadFromStream(source, remotePath, command) {
        const onError = (err) => this.ftp.closeWithError(err);
        source.once("error", onError);
        try {
          const validPath = await this.protectWhitespace(remotePath);
          await this.prepareTransfer(this.ftp);
          return await (0, transfer_1.uploadFrom)(source, {
            ftp: this.ftp,
            tracker: this._progressTracker,
            command,
            remotePath: validPath,
            type: "upload"
          });
        } finally {
          source.removeListener("error", onError);
        }
      }
      /**
       * Download a remote file and pipe its data to a writable stream or to a local file.
       *
       * You can optionally define at which position of the remote file you'd like to start
       * downloading. If the destination you provide is a file, the offset will be applied
       * to it as well. For example: To resume a failed download, you'd request the size of
       * the local, partially downloaded file and use that as the offset. Assuming the size
       * is 23, you'd download the rest using `downloadTo("local.txt", "remote.txt", 23)`.
       *
       * @param destination  Stream or path for a local file to write to.
       * @param fromRemotePath  Path of the remote file to read from.
       * @param startAt  Position within the remote file to start downloading at. If the destination is a file, this offset is also applied to it.
       */
      async downloadTo(destination, fromRemotePath, startAt = 0) {
        if (typeof destination === "string") {
          return this._downloadToFile(destination, fromRemotePath, startAt);
        }
        return this._downloadToStream(destination, fromRemotePath, startAt);
      }
      /**
       * @protected
       */
      async _downloadToFile(localPath, remotePath, startAt) {
        const appendingToLocalFile = startAt > 0;
        const fileSystemFlags = appendingToLocalFile ? "r+" : "w";
        const fd = await fsOpen(localPath, fileSystemFlags);
        const destination = (0, fs_1.createWriteStream)("", {
          fd,
          start: startAt,
          autoClose: false
        });
        try {
          return await this._downloadToStream(destination, remotePath, startAt);
        } catch (err) {
          const localFileStats = await ignoreError(() => fsStat(localPath));
          const hasDownloadedData = localFileStats && localFileStats.size > 0;
          const shouldRemoveLocalFile = !appendingToLocalFile && !hasDownloadedData;
          if (shouldRemoveLocalFile) {
            await ignoreError(() => fsUnlink(localPath));
          }
          throw err;
        } finally {
          await ignoreError(() => fsClose(fd));
        }
      }
      /**
       * @protected
       */
      async _downloadToStream(destination, remotePath, startAt) {
        const onError = (err) => this.ftp.closeWithError(err);
        destination.once("error", onError);
        try {
          const validPath = await this.protectWhitespace(remotePath);
          await this.prepareTransfer(this.ftp);
          return await (0, transfer_1.downloadTo)(destination, {
            ftp: this.ftp,
            tracker: this._progressTracker,
            command: startAt > 0 ? `REST ${startAt}` : `RETR ${validPath}`,
            remotePath: validPath,
            type: "download"
          });
        } finally {
          destination.removeListener("error", onError);
          destination.end();
        }
      }
      /**
       * List files and directories in the current working directory, or from `path` if specified.
       *
       * @param [path]  Path to remote file or directory.
       */
      async list(path = "") {
        const validPath = await this.protectWhitespace(path);
        let lastError;
        for (const candidate of this.availableListCommands) {
          const command = validPath === "" ? candidate : `${candidate} ${validPath}`;
          await this.prepareTransfer(this.ftp);
          try {
            const parsedList = await this._requestListWithCommand(command);
            this.availableListCommands = [candidate];
            return parsedList;
          } catch (err) {
            const shouldTryNext = err instanceof FtpContext_1.FTPError;
            if (!shouldTryNext) {
              throw err;
            }
            lastError = err;
          }
        }
        throw lastError;
      }
      /**
       * @protected
       */
      async _requestListWithCommand(command) {
        const buffer = new StringWriter_1.StringWriter(this.options.maxListingBytes);
        await (0, transfer_1.downloadTo)(buffer, {
          ftp: this.ftp,
          tracker: this._progressTracker,
          command,
          remotePath: "",
          type: "list"
        });
        const text = buffer.getText(this.ftp.encoding);
        this.ftp.log(text);
        return this.parseList(text);
      }
      /**
       * Remove a directory and all of its content.
       *
       * @param remoteDirPath  The path of the remote directory to delete.
       * @example client.removeDir("foo") // Remove directory 'foo' using a relative path.
       * @example client.removeDir("foo/bar") // Remove directory 'bar' using a relative path.
       * @example client.removeDir("/foo/bar") // Remove directory 'bar' using an absolute path.
       * @example client.removeDir("/") // Remove everything.
       */
      async removeDir(remoteDirPath) {
        return this._exitAtCurrentDirectory(async () => {
          await this.cd(remoteDirPath);
          const absoluteDirPath = await this.pwd();
          await this.clearWorkingDir();
          const dirIsRoot = absoluteDirPath === "/";
          if (!dirIsRoot) {
            await this.cdup();
            await this.removeEmptyDir(absoluteDirPath);
          }
        });
      }
      /**
       * Remove all files and directories in the working directory without removing
       * the working directory itself.
       */
      async clearWorkingDir() {
        for (const file of await this.list()) {
          if (file.isDirectory) {
            await this.cd(file.name);
            await this.clearWorkingDir();
            await this.cdup();
            await this.removeEmptyDir(file.name);
          } else {
            await this.remove(file.name);
          }
        }
      }
      /**
       * Upload the contents of a local directory to the remote working directory.
       *
       * This will overwrite existing files with the same names and reuse existing directories.
       * Unrelated files and directories will remain untouched. You can optionally provide a `remoteDirPath`
       * to put the contents inside a directory which will be created if necessary including all
       * intermediate directories. If you did provide a remoteDirPath the working directory will stay
       * the same as before calling this method.
       *
       * @param localDirPath  Local path, e.g. "foo/bar" or "../test"
       * @param [remoteDirPath]  Remote path of a directory to upload to. Working directory if undefined.
       */
      async uploadFromDir(localDirPath, remoteDirPath) {
        return this._exitAtCurrentDirectory(async () => {
          if (remoteDirPath) {
            await this.ensureDir(remoteDirPath);
          }
          return await this._uploadToWorkingDir(localDirPath);
        });
      }
      /**
       * @protected
       */
      async _uploadToWorkingDir(localDirPath) {
        const files = await fsReadDir(localDirPath);
        for (const file of files) {
          const fullPath = (0, path_1.join)(localDirPath, file);
          const stats = await fsStat(fullPath);
          if (stats.isFile()) {
            await this.uploadFrom(fullPath, file);
          } else if (stats.isDirectory()) {
            await this._openDir(file);
            await this._uploadToWorkingDir(fullPath);
            await this.cdup();
          }
        }
      }
      /**
       * Download all files and directories of the working directory to a local directory.
       *
       * @param localDirPath  The local directory to download to.
       * @param remoteDirPath  Remote directory to download. Current working directory if not specified.
       */
      async downloadToDir(localDirPath, remoteDirPath) {
        return this._exitAtCurrentDirectory(async () => {
          if (remoteDirPath) {
            await this.cd(remoteDirPath);
          }
          return await this._downloadFromWorkingDir(localDirPath);
        });
      }
      /**
       * @protected
       */
      async _downloadFromWorkingDir(localDirPath) {
        await ensureLocalDirectory(localDirPath);
        for (const file of await this.list()) {
          const hasInvalidName = !file.name || (0, path_1.basename)(file.name) !== file.name;
          if (hasInvalidName) {
            const safeName = JSON.stringify(file.name);
            this.ftp.log(`Invalid filename from server listing, will skip file. (${safeName})`);
            continue;
          }
          const localPath = (0, path_1.join)(localDirPath, file.name);
          if (file.isDirectory) {
            await this.cd(file.name);
            await this._downloadFromWorkingDir(localPath);
            await this.cdup();
          } else if (file.isFile) {
            await this.downloadTo(localPath, file.name);
          }
        }
      }
      /**
       * Make sure a given remote path exists, creating all directories as necessary.
       * This function also changes the current working directory to the given path.
       */
      async ensureDir(remoteDirPath) {
        if (remoteDirPath.startsWith("/")) {
          await this.cd("/");
        }
        const names = remoteDirPath.split("/").filter((name) => name !== "");
        for (const name of names) {
          await this._openDir(name);
        }
      }
      /**
       * Try to create a directory and enter it. This will not raise an exception if the directory
       * couldn't be created if for example it already exists.
       * @protected
       */
      async _openDir(dirName) {
        await this.sendIgnoringError("MKD " + dirName);
        await this.cd(dirName);
      }
      /**
       * Remove an empty directory, will fail if not empty.
       */
      async removeEmptyDir(path) {
        const validPath = await this.protectWhitespace(path);
        return this.send(`RMD ${validPath}`);
      }
      /**
       * FTP servers can't handle filenames that have leading whitespace. This method transforms
       * a given path to fix that issue for most cases.
       */
      async protectWhitespace(path) {
        if (!path.startsWith(" ")) {
          return path;
        }
        const pwd = await this.pwd();
        const absolutePathPrefix = pwd.endsWith("/") ? pwd : pwd + "/";
        return absolutePathPrefix + path;
      }
      async _exitAtCurrentDirectory(func) {
        const userDir = await this.pwd();
        try {
          return await func();
        } finally {
          if (!this.closed) {
            await ignoreError(() => this.cd(userDir));
          }
        }
      }
      /**
       * Try all available transfer strategies and pick the first one that works. Update `client` to
       * use the working strategy for all successive transfer requests.
       *
       * @returns a function that will try the provided strategies.
       */
      _enterFirstCompatibleMode(strategies) {
        return async (ftp) => {
          ftp.log("Trying to find optimal transfer strategy...");
          let lastError = void 0;
          for (const strategy of strategies) {
            try {
              const res = await strategy(ftp);
              ftp.log("Optimal transfer strategy found.");
              this.prepareTransfer = strategy;
              return res;
            } catch (err) {
              lastError = err;
            }
          }
          throw new Error(`None of the available transfer strategies work. Last error response was '${lastError}'.`);
        };
      }
      /**
       * DEPRECATED, use `uploadFrom`.
       * @deprecated
       */
      async upload(source, toRemotePath, options = {}) {
        this.ftp.log("Warning: upload() has been deprecated, use uploadFrom().");
        return this.uploadFrom(source, toRemotePath, options);
      }
      /**
       * DEPRECATED, use `appendFrom`.
       * @deprecated
       */
      async append(source, toRemotePath, options = {}) {
        this.ftp.log("Warning: append() has been deprecated, use appendFrom().");
        return this.appendFrom(source, toRemotePath, options);
      }
      /**
       * DEPRECATED, use `downloadTo`.
       * @deprecated
       */
      async download(destination, fromRemotePath, startAt = 0) {
        this.ftp.log("Warning: download() has been deprecated, use downloadTo().");
        return this.downloadTo(destination, fromRemotePath, startAt);
      }
      /**
       * DEPRECATED, use `uploadFromDir`.
       * @deprecated
       */
      async uploadDir(localDirPath, remoteDirPath) {
        this.ftp.log("Warning: uploadDir() has been deprecated, use uploadFromDir().");
        return this.uploadFromDir(localDirPath, remoteDirPath);
      }
      /**
       * DEPRECATED, use `downloadToDir`.
       * @deprecated
       */
      async downloadDir(localDirPath) {
        this.ftp.log("Warning: downloadDir() has been deprecated, use downloadToDir().");
        return this.downloadToDir(localDirPath);
      }
    };
    exports.Client = Client;
    async function ensureLocalDirectory(path) {
      try {
        await fsStat(path);
      } catch (_a) {
        await fsMkDir(path, { recursive: true });
      }
    }
    async function expectedBytesFromLocalFile(fd, options) {
      var _a;
      const stats = await fsFStat(fd);
      if (!stats.isFile()) {
        return void 0;
      }
      const start = (_a = options.localStart) !== null && _a !== void 0 ? _a : 0;
      const endExclusive = options.localEndInclusive !== void 0 ? Math.min(options.localEndInclusive + 1, stats.size) : stats.size;
      return Math.max(0, endExclusive - start);
    }
    async function ignoreError(func) {
      try {
        return await func();
      } catch (_a) {
        return void 0;
      }
    }
  }
});

// node_modules/basic-ftp/dist/StringEncoding.js
var require_StringEncoding = __commonJS({
  "node_modules/basic-ftp/dist/StringEncoding.js"(exports) {
    "use strict";
    Object.defineProperty(exports, "__esModule", { value: true });
  }
});

// node_modules/basic-ftp/dist/index.js
var require_dist = __commonJS({
  "node_modules/basic-ftp/dist/index.js"(exports) {
    "use strict";
    var __createBinding = exports && exports.__createBinding || (Object.create ? (function(o, m, k, k2) {
      if (k2 === void 0) k2 = k;
      var desc = Object.getOwnPropertyDescriptor(m, k);
      if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
        desc = { enumerable: true, get: function() {
          return m[k];
        } };
      }
      Object.defineProperty(o, k2, desc);
    }) : (function(o, m, k, k2) {
      if (k2 === void 0) k2 = k;
      o[k2] = m[k];
    }));
    var __exportStar = exports && exports.__exportStar || function(m, exports2) {
      for (var p in m) if (p !== "default" && !Object.prototype.hasOwnProperty.call(exports2, p)) __createBinding(exports2, m, p);
    };
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.enterPassiveModeIPv6 = exports.enterPassiveModeIPv4 = void 0;
    __exportStar(require_Client(), exports);
    __exportStar(require_FtpContext(), exports);
    __exportStar(require_FileInfo(), exports);
    __exportStar(require_parseList(), exports);
    __exportStar(require_StringEncoding(), exports);
    var transfer_1 = require_transfer();
    Object.defineProperty(exports, "enterPassiveModeIPv4", { enumerable: true, get: function() {
      return transfer_1.enterPassiveModeIPv4;
    } });
    Object.defineProperty(exports, "enterPassiveModeIPv6", { enumerable: true, get: function() {
      return transfer_1.enterPassiveModeIPv6;
    } });
  }
});

// src/remotes/ftp/config.ts
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
var DEFAULT_PORTS = { "ftp:": 21, "ftps:": 21, "ftps-implicit:": 990 };
var IMPLICIT_PORT = 990;
var LINE_BREAKING = /[\r\n\0]/;
function decodeOnce(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
function hostOf(url) {
  const bare = url.hostname.replace(/^\[(.*)\]$/, "$1");
  if (isIP(bare) !== 0) return bare;
  const decoded = decodeOnce(bare);
  const ascii = decoded === null ? "" : domainToASCII(decoded);
  return ascii === "" || LINE_BREAKING.test(ascii) ? null : ascii;
}
function refuseFaults(faults) {
  if (faults.length > 0) throw new TransferError("invalid-input", faults.join("\n"));
}
function tlsModeOf(url, port) {
  if (url.protocol === "ftp:") return "none";
  return url.protocol === "ftps-implicit:" || port === IMPLICIT_PORT ? "implicit" : "explicit";
}
function defaultPort(scheme) {
  return scheme === "ftp:" || scheme === "ftps:" || scheme === "ftps-implicit:" ? DEFAULT_PORTS[scheme] : void 0;
}
function pathFaults(url) {
  const faults = [];
  const path = decodeOnce(url.pathname);
  if (path === null) faults.push("the path of the URL is not valid percent-encoding");
  else if (LINE_BREAKING.test(path)) faults.push("the path of the URL holds a line break or a NUL, which FTP cannot carry");
  if (url.search !== "") faults.push("an FTP URL has no query; write a question mark in a name as %3F");
  if (url.hash !== "") faults.push("an FTP URL has no fragment; write a number sign in a name as %23");
  return faults;
}
function parseConfig(url, credentials) {
  const faults = pathFaults(url);
  const host = hostOf(url);
  if (host === null) faults.push("the URL names no host");
  const fallback = defaultPort(url.protocol);
  if (fallback === void 0) faults.push(`${url.protocol}// is not an FTP URL`);
  const port = url.port === "" ? fallback ?? 0 : Number(url.port);
  if (url.port === "0") faults.push("port 0 cannot be connected to");
  const username = credentials.username ?? decodeOnce(url.username);
  const password = credentials.password ?? decodeOnce(url.password);
  if (username === null || password === null) faults.push("user name or password in the URL is not valid percent-encoding");
  if (LINE_BREAKING.test(username ?? "")) faults.push("the user name holds a line break or a NUL");
  if (LINE_BREAKING.test(password ?? "")) faults.push("the password holds a line break or a NUL; does the secret end with one?");
  const anonymous = username === null || username === "";
  if (anonymous && password !== null && password !== "")
    faults.push("a password is given without a user name (input username, or ftp://name@host/…); for an anonymous login leave it out");
  const pins = [];
  for (const text of credentials.fingerprints) {
    const pin = readPin(text);
    if ("hex" in pin) pins.push(pin.hex);
    else faults.push(`fingerprint '${text}' ${pin.problem}`);
  }
  const tls4 = tlsModeOf(url, port);
  if (tls4 !== "none" && credentials.tlsCa !== void 0 && !credentials.tlsCa.includes("-----BEGIN CERTIFICATE-----"))
    faults.push("tls-ca holds no PEM certificate");
  refuseFaults(faults);
  return {
    host: host ?? "",
    port,
    tls: tls4,
    username: anonymous ? "anonymous" : username,
    password: anonymous ? "anonymous@" : password ?? "",
    ...credentials.tlsCa === void 0 ? {} : { tlsCa: credentials.tlsCa },
    pins,
    tlsVerify: credentials.tlsVerify
  };
}
function locatePath(url) {
  refuseFaults(pathFaults(url));
  return (decodeOnce(url.pathname) ?? "").replace(/^\//, "");
}

// src/remotes/ftp/digester.ts
import { createHash } from "node:crypto";

// src/remotes/ftp/data.ts
import net from "node:net";
import * as tls2 from "node:tls";

// src/remotes/ftp/deadline.ts
function bounded(work, wait, late) {
  return new Promise((resolve, reject) => {
    const { signal } = wait;
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    };
    const onAbort = () => {
      finish();
      reject(abortError(signal));
    };
    const expire = () => {
      finish();
      reject(late());
    };
    const timer = setTimeout(() => setImmediate(expire), wait.timeoutMs);
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(
      (value) => {
        finish();
        resolve(value);
      },
      (error) => {
        finish();
        reject(error);
      }
    );
    if (signal.aborted) onAbort();
  });
}
function obeying(work, signal) {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(abortError(signal));
    signal.addEventListener("abort", onAbort, { once: true });
    const finish = () => signal.removeEventListener("abort", onAbort);
    work.finally(finish).then(resolve, reject);
    if (signal.aborted) onAbort();
  });
}
function settledWithin(work, ms) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    const settle = () => {
      clearTimeout(timer);
      resolve(true);
    };
    work.then(settle, settle);
  });
}
function sharedWait(signal, timeoutMs) {
  const end = performance.now() + timeoutMs;
  return {
    signal,
    get timeoutMs() {
      return Math.max(1, end - performance.now());
    }
  };
}
var StallTimer = class {
  #ms;
  #expired;
  #timer;
  #lastLook;
  #touchedAt = performance.now();
  #held = false;
  constructor(ms, expired) {
    this.#ms = ms;
    this.#expired = expired;
    this.#timer = setTimeout(() => this.#check(), ms);
  }
  touch() {
    this.#touchedAt = performance.now();
  }
  hold() {
    this.#held = true;
  }
  /** Ends a hold; the time starts again. */
  release() {
    if (this.#held) this.touch();
    this.#held = false;
  }
  stop() {
    clearTimeout(this.#timer);
    clearImmediate(this.#lastLook);
  }
  #left() {
    return this.#held ? this.#ms : this.#touchedAt + this.#ms - performance.now();
  }
  #check() {
    const left = this.#left();
    if (left > 1) this.#timer = setTimeout(() => this.#check(), left);
    else this.#lastLook = setImmediate(() => this.#left() > 1 ? this.#check() : this.#expired());
  }
};

// src/remotes/ftp/errors.ts
var CONNECTION_LIMIT = /too many|maximum (number|login|connections|clients)|max(imum)? .{0,60}(clients|connections|users)|already connected|connection limit/i;
var FAILED_LOGINS = /attempts|tries|failures?\b|\bfailed|authentication|incorrect|invalid|(bad|wrong) (passwords?|logins?|credentials)|locked|banned/i;
var SESSIONS = /connections|connection limit|already connected|clients|sessions|users|logged[ -]in/i;
var NO_SPACE = /quota|no space|disk (is )?full|not enough (disk )?space|insufficient (disk |storage )?space|exceeded storage|won't be saved|failure writing to local file/i;
var TLS_WANTED = /must use (encryption|ssl|tls)|(ssl|tls)[^.]{0,40}\brequired\b|require[sd]? (ssl|tls)|non-anonymous sessions must/i;
var SESSION_REUSE = /session reuse|reuse (is )?required|reuse of (the )?(ssl|tls)/i;
var EXPIRED = /expired|must (be )?change|change (your|the) password/i;
var HINTS = {
  limit: "The server limits how many sessions may be open. Wait until other sessions have ended, or raise the limit.",
  tls: "The server wants TLS: use ftps:// instead of ftp://.",
  weak: "TLS 1.2 or newer with a key of 2048 bits is wanted: the server has to be brought up to date.",
  reuse: "The server wants data connections to continue the TLS session of the control connection and did not recognise it."
};
function hasNoRoom(reply) {
  return isFull(reply) && SESSIONS.test(reply.text);
}
function isFull(reply) {
  return reply.code !== 332 && reply.code >= 400 && CONNECTION_LIMIT.test(reply.text) && !FAILED_LOGINS.test(reply.text);
}
function judge(reply) {
  const { code, text } = reply;
  if (isFull(reply)) return { kind: "transient", hint: HINTS.limit };
  if (code === 421) return { kind: "transient" };
  if (code === 452 || code === 552 || code >= 400 && NO_SPACE.test(text)) return { kind: "no-space" };
  if (code >= 500 && TLS_WANTED.test(text) && !SESSION_REUSE.test(text)) return { kind: "denied", hint: HINTS.tls };
  if (code === 425 || code === 522)
    return SESSION_REUSE.test(text) || code === 522 ? { kind: "transient", hint: HINTS.reuse } : { kind: "transient" };
  if (code === 530 || code === 430 || code === 332 || code === 532) return { kind: "denied" };
  if (code >= 400 && code < 500) return { kind: "transient" };
  if (code >= 500 && code < 600) return { kind: "refused" };
  return { kind: "protocol" };
}
function loginError(reply, action) {
  if (reply.code === 332 || reply.code === 532) {
    const hint = "The server wants an account (ACCT) besides user name and password, which cannot be given here.";
    return replyErrorAs("denied", reply, action, hint);
  }
  if (EXPIRED.test(reply.text)) return replyErrorAs("denied", reply, action, "Log in by another client once, and set a new password.");
  const { kind } = judge(reply);
  return passes(reply) || kind !== "transient" ? replyError(reply, action) : replyErrorAs("denied", reply, action);
}
function passes(reply) {
  if (isFull(reply)) return true;
  const failed = FAILED_LOGINS.test(reply.text) && !SESSIONS.test(reply.text);
  return !failed && (reply.code === 421 || CONNECTION_LIMIT.test(reply.text));
}
function replyText(reply) {
  return (reply.shown ?? reply.text).replaceAll(/\s+/g, (space) => space.includes("\n") ? " " : space).trim();
}
function replyError(reply, action, details = {}) {
  const verdict2 = judge(reply);
  const hint = details.hint ?? verdict2.hint;
  return new TransferError(verdict2.kind, `${action}: the server answered ${replyText(reply)}`, {
    ...details,
    ...hint === void 0 ? {} : { hint }
  });
}
function replyErrorAs(kind, reply, action, hint) {
  return new TransferError(kind, `${action}: the server answered ${replyText(reply)}`, hint === void 0 ? {} : { hint });
}
function socketError(error, action, secured2 = false) {
  if (error instanceof TransferError) return error;
  const message = messageOf(error);
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
  const weakness = secured2 ? null : tlsWeakness(code);
  if (weakness !== null) return new TransferError("refused", `${action}: ${weakness} (${code})`, { cause: error, hint: HINTS.weak });
  return new TransferError(socketFailureKind(code, message, secured2), `${action}: ${message}`, { cause: error });
}
function socketFailureKind(code, message, secured2) {
  if (code === "ENOTFOUND") return "invalid-input";
  if (/exceeded maximum allowed size/.test(message)) return "protocol";
  return tlsFailureKind(code, secured2) ?? "transient";
}

// src/remotes/ftp/trust.ts
import { isIP as isIP2 } from "node:net";
import * as tls from "node:tls";
var RSA_BITS_MIN = 2048;
function trustFor(config) {
  const ca = config.pins.length > 0 || !config.tlsVerify ? [] : [...roots(), ...config.tlsCa === void 0 ? [] : [config.tlsCa]];
  let secureContext;
  try {
    secureContext = tls.createSecureContext({ ca, minVersion: "TLSv1.2" });
  } catch (error) {
    throw new TransferError("invalid-input", `tls-ca cannot be used: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error
    });
  }
  return {
    options: {
      secureContext,
      host: config.host,
      ...isIP2(config.host) === 0 ? { servername: config.host } : {},
      // `assertTrusted` decides, in the same tick as the handshake ends and before a byte is sent or taken.
      rejectUnauthorized: false
    },
    pins: config.pins,
    verify: config.tlsVerify
  };
}
function roots() {
  return new Set([...tls.getCACertificates("default"), ...tls.getCACertificates("system")].map((pem) => pem.trim()));
}
function colons(hex) {
  return (hex.match(/../g) ?? []).join(":").toUpperCase();
}
function assertTrusted(socket, trust) {
  if (!trust.verify && trust.pins.length === 0) return;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === void 0) throw new TransferError("untrusted", "the server showed no certificate");
  const offered = pinsOfCertificate(certificate);
  const [pin] = offered;
  if (offered.some((one) => trust.pins.includes(one))) return;
  const shown = `its SHA-256 is ${colons(pin)}`;
  const hint = "Only if you know by another way that this is the right certificate, set `fingerprint` to that value.";
  if (trust.pins.length > 0) throw new TransferError("untrusted", `the server's certificate is not the pinned one; ${shown}`, { hint });
  if (socket.authorized) return;
  const bits = certificate.publicKey.asymmetricKeyDetails?.modulusLength ?? RSA_BITS_MIN;
  if (bits < RSA_BITS_MIN)
    throw new TransferError("refused", `the server's certificate is too weak: its key has ${bits} bits`, { hint: HINTS.weak });
  const reason = socket.authorizationError;
  const why = reason instanceof Error ? "code" in reason ? `${String(reason.code)}: ${reason.message}` : reason.message : String(reason);
  throw new TransferError("untrusted", `the server's certificate is not trusted (${why}); ${shown}`, { hint });
}
function assertTrustedData(socket, trust) {
  if (!socket.isSessionReused()) assertTrusted(socket, trust);
}

// src/remotes/ftp/data.ts
var KEEP_ALIVE_MS = 3e4;
var DataConnection = class {
  socket;
  #ready;
  #failure = null;
  #ended = false;
  /** Called when the server ended the connection, when it broke, and when it closed. */
  onEnd = () => void 0;
  constructor(socket, ready) {
    this.socket = socket;
    this.#ready = ready;
    let secured2 = false;
    ready.then(
      () => {
        secured2 = true;
      },
      () => void 0
    );
    socket.on("error", (error) => {
      this.#failure ??= socketError(error, "data connection", secured2);
      this.onEnd();
    });
    socket.on("end", () => {
      this.#ended = true;
      this.onEnd();
    });
    socket.on("close", () => this.onEnd());
  }
  get failure() {
    return this.#failure;
  }
  /** The server has sent its last byte in order. */
  get ended() {
    return this.#ended;
  }
  /** With TLS: the handshake is done and the peer is the one we trust. */
  async ready(wait) {
    await bounded(this.#ready, wait, () => new TransferError("transient", "data connection: TLS handshake: no answer from the server"));
  }
  destroy() {
    this.socket.destroy();
  }
  /**
   * Ends with a reset, which throws away what has not been delivered: after `destroy` the kernel goes on delivering it for minutes. Node resets plain sockets only; of
   * TLS the handle below is reset where Node 24's private field names it.
   */
  reset() {
    const handle = Reflect.get(this.socket, "_handle");
    const below = typeof handle === "object" && handle !== null && "_parent" in handle ? handle._parent : null;
    if (typeof below === "object" && below !== null && "reset" in below && typeof below.reset === "function") below.reset(() => void 0);
    else if (handle instanceof Object && !(this.socket instanceof tls2.TLSSocket)) this.socket.resetAndDestroy();
    this.socket.destroy();
  }
};
async function openData(control, port, trust, intake, wait) {
  const host = control.remoteAddress;
  const reading = intake === null ? {} : { onread: into(intake) };
  if (trust === null) {
    const socket2 = new net.Socket(reading);
    socket2.pause();
    socket2.connect({ host, port });
    await connected(socket2, port, wait);
    return new DataConnection(socket2, Promise.resolve());
  }
  const session = control.tlsSession;
  const options = {
    ...trust.options,
    ...reading,
    port,
    // The name stays that of the control connection, or the session could not be continued; the address does too.
    lookup: fixedLookup(host),
    ...session === void 0 ? {} : { session }
  };
  const socket = tls2.connect(options);
  socket.on("session", (ticket) => control.keepTlsSession(ticket));
  const ready = secured(socket, trust);
  ready.catch(() => void 0);
  await connected(socket, port, wait);
  return new DataConnection(socket, ready);
}
function into(intake) {
  return {
    buffer: () => intake.room(),
    callback: (count) => {
      intake.advance(count);
      return !intake.held;
    }
  };
}
function fixedLookup(address) {
  const family = net.isIPv6(address) ? 6 : 4;
  return (_host, options, callback) => {
    if (options.all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}
function connected(socket, port, wait) {
  const done = new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      socket.setNoDelay(true);
      resolve();
    });
  });
  const late = () => new TransferError("transient", `the data connection to port ${port} could not be opened in time`);
  return bounded(done, wait, late).catch((error) => {
    socket.on("error", () => void 0);
    socket.destroy();
    throw socketError(error, `the data connection to port ${port} could not be opened`);
  });
}
function secured(socket, trust) {
  return new Promise((resolve, reject) => {
    const broken = (error) => reject(socketError(error, "data connection: TLS handshake"));
    socket.once("error", broken);
    socket.once("close", () => broken(new Error("the server closed the connection")));
    socket.once("secureConnect", () => {
      try {
        assertTrustedData(socket, trust);
        resolve();
      } catch (error) {
        reject(error);
        socket.destroy();
      }
    });
  });
}

// src/remotes/ftp/features.ts
function parseFeatures(text) {
  const features = /* @__PURE__ */ new Map();
  for (const line of text.split("\n").slice(1, -1)) {
    const bare = line.replace(/^2\d\d[- ]/, "").trim();
    if (bare === "") continue;
    const cut = bare.indexOf(" ");
    const name = (cut < 0 ? bare : bare.slice(0, cut)).toUpperCase();
    const rest = cut < 0 ? "" : bare.slice(cut + 1).trim();
    const before = name === "SITE" ? features.get(name) : void 0;
    features.set(name, before === void 0 ? rest : `${before} ${rest}`);
  }
  return features;
}
function parseFacts(line) {
  const cut = line.indexOf(" ");
  if (cut < 1) return null;
  const facts = /* @__PURE__ */ new Map();
  for (const fact of line.slice(0, cut).split(";")) {
    const equals = fact.indexOf("=");
    if (equals > 0) facts.set(fact.slice(0, equals).toLowerCase(), fact.slice(equals + 1));
  }
  return facts.size === 0 ? null : { name: line.slice(cut + 1), facts };
}
function parseMlst(text) {
  const line = text.split("\n")[1];
  return line === void 0 ? null : parseFacts(line.replace(/^(250-)?\s*/, ""));
}
function kindOf(type) {
  const lower = type.toLowerCase();
  if (lower === "file") return "file";
  return lower === "dir" || lower === "cdir" || lower === "pdir" ? "directory" : "other";
}
function parseSize(text) {
  if (text === void 0 || !/^\d{1,16}$/.test(text)) return null;
  const size = Number(text);
  return Number.isSafeInteger(size) ? size : null;
}
function parseTime(text) {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,3})\d*)?$/.exec(text ?? "");
  if (parts === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number);
  const time = Date.UTC(year, month - 1, day, hour, minute, second, Number((parts[7] ?? "0").padEnd(3, "0")));
  return Number.isNaN(time) ? null : time;
}
function parseMode(text) {
  return text !== void 0 && /^[0-7]{3,6}$/.test(text) ? Number.parseInt(text, 8) & 4095 : null;
}
function parseMlsd(lines) {
  const entries = [];
  for (const line of lines) {
    const entry = parseFacts(line);
    const type = entry?.facts.get("type")?.toLowerCase();
    if (entry === null || type === "cdir" || type === "pdir" || entry.name === "." || entry.name === "..") continue;
    const kind = type === void 0 ? "unknown" : kindOf(type);
    entries.push({ name: entry.name, kind, size: kind === "file" ? parseSize(entry.facts.get("size")) : null });
  }
  return entries;
}
function parseExtendedPassive(text) {
  return portOf(Number(/(?:^|[\s(])([!-/:-~])\1\1(\d{1,5})\1/.exec(text)?.[2]));
}
function parsePassive(text) {
  const bytes = /(?<!\d)\d{1,3}(?:,\s*\d{1,3}){3},\s*(\d{1,3}),\s*(\d{1,3})(?!\d)/.exec(text);
  const high = Number(bytes?.[1]);
  const low = Number(bytes?.[2]);
  return high < 256 && low < 256 ? portOf(high * 256 + low) : null;
}
function portOf(port) {
  return Number.isInteger(port) && port > 0 && port < 65536 ? port : null;
}
function parseDirectory(text) {
  const quoted = /"((?:[^"]|"")*)"/.exec(text)?.[1];
  if (quoted === void 0) return /^257[ -](\/\S*)/.exec(text)?.[1] ?? null;
  return quoted === "" ? null : quoted.replaceAll('""', '"');
}

// src/remotes/ftp/passive.ts
var PORT_OF = { EPSV: parseExtendedPassive, PASV: parsePassive };
var PROVEN_SHARE = 2 / 3;
var TRIED_SHARE = 1 / 3;
var BLOCKED = "The ports for data connections (passive mode) are probably blocked by a firewall, or the server names ports that do not lead to it.";
var Passive = class {
  #ways;
  #last = null;
  constructor(ways) {
    this.#ways = ways;
  }
  /** The server could not make the connection that was asked for last: the other way has a turn. */
  failed() {
    if (this.#last !== null && !this.#ways.proven(this.#last)) this.#ways.passive = this.#last === "EPSV" ? "PASV" : "EPSV";
  }
  /** A transfer has come to a good end. That a connection was made is less: what stands between makes it in the server's place. */
  worked() {
    if (this.#last !== null) this.#ways.worked(this.#last);
  }
  async open(ask3, dial, timeoutMs) {
    const failures = [];
    for (const way of this.#order()) {
      this.#last = way;
      const share = timeoutMs * (this.#ways.proven(way) ? PROVEN_SHARE : TRIED_SHARE);
      const reply = await this.#asked(way, ask3, timeoutMs, share);
      const port = reply.code >= 200 && reply.code < 300 ? PORT_OF[way](reply.text) : null;
      if (port === null) {
        failures.push({ way, error: reply.code >= 400 ? replyError(reply, way) : replyErrorAs("protocol", reply, way), said: true });
        continue;
      }
      try {
        const data = await dial(port, share);
        for (const failed of failures) this.#ways.refused(failed.way);
        return data;
      } catch (error) {
        if (!(error instanceof TransferError) || error.kind !== "transient") throw error;
        failures.push({ way, error, said: false });
      }
    }
    throw verdict(failures);
  }
  #order() {
    const first = this.#ways.passive;
    const allowed2 = [first, first === "EPSV" ? "PASV" : "EPSV"].filter((way) => this.#ways.allows(way));
    const proven = allowed2.filter((way) => this.#ways.proven(way));
    return proven.length > 0 ? proven : allowed2;
  }
  /** EPSV that is swallowed on its way: nobody can say what a late answer would answer, so the session is lost, but the next one begins with PASV. */
  async #asked(way, ask3, timeoutMs, share) {
    try {
      return await ask3(way, way === "EPSV" && this.#ways.allows("PASV") ? share : timeoutMs);
    } catch (error) {
      if (way === "EPSV" && error instanceof TransferError && error.kind === "transient") this.failed();
      throw error;
    }
  }
};
function verdict(failures) {
  const cause = failures.find((failure) => !failure.said);
  if (cause === void 0) return failures.at(-1)?.error ?? new TransferError("refused", "the server has refused EPSV and PASV before");
  const tried = failures.map(({ way }) => way).join(" and ");
  return new TransferError("transient", `${cause.error.message} (${tried})`, { cause: cause.error, hint: BLOCKED });
}

// src/remotes/ftp/paths.ts
function nameFor(path, spelling, home) {
  if (path === "") return { directory: "", name: home ?? "." };
  const directory = directoryName(path);
  const bare = baseName(path);
  if (spelling === "bare" && directory !== "" && bare !== "") return { directory, name: safe(bare) };
  if (spelling === "absolute" && home !== null && !path.startsWith("/"))
    return { directory: "", name: `${home.replace(/\/$/, "")}/${path}` };
  return { directory: "", name: safe(path) };
}
function otherSpellings(path, home) {
  const given = nameFor(path, "given", home);
  const differs = (spelling) => {
    const other = nameFor(path, spelling, home);
    return other.directory !== given.directory || other.name !== given.name;
  };
  return ["bare", "absolute"].filter(differs);
}
function safe(name) {
  return /^[\s~-]/.test(name) ? `./${name}` : name;
}

// src/remotes/ftp/connection.ts
var NOT_ASCII = /[^\0-\x7f]/;
var NO_UTF8 = "the server does not say that it takes names in UTF-8: names with other characters than ASCII may not be found, or get another spelling there";
var Connection = class {
  control;
  features;
  /** The login directory, when the server tells it. */
  home;
  timeoutMs;
  /** A REST may still be in force: it is sticky on every known server, and `REST` before `APPE` overwrites on ProFTPD. */
  restartMarked = false;
  /** ProFTPD remembers digests by name and modification second for as long as the session lives: which state of our writing they stem from. */
  digestEpoch = null;
  /** Whether SIZE also answers for directories; null until asked. */
  sizeOfDirectories = null;
  #server;
  #passive;
  /** The working directory, as a path of ours; '' is the login directory. */
  #directory = "";
  /** From the opening of a data connection until the server's good word about it. */
  #transferring = false;
  constructor(control, features, home, server) {
    this.control = control;
    this.features = features;
    this.home = home;
    this.timeoutMs = server.ports.timeoutMs;
    this.#server = server;
    this.#passive = new Passive(server.ways);
  }
  get ways() {
    return this.#server.ways;
  }
  /** Whether another exchange may follow: after a transfer that failed, bytes and replies may still be on their way. */
  get clean() {
    return this.control.usable && !this.#transferring && (this.#directory === "" || this.home !== null);
  }
  /** The server has closed the transfer in order; a restart marker is used up with it. */
  endTransfer() {
    this.#transferring = false;
    this.restartMarked = false;
  }
  /** The transfer is over and the session in step, but a restart marker may have survived it. */
  abandonTransfer() {
    this.#transferring = false;
  }
  wait(signal) {
    return { signal, timeoutMs: this.timeoutMs };
  }
  /** Sends one command and waits for its reply, whatever it is: but the end of the session is no answer to anything. */
  async command(command, signal) {
    return await ask(this.control, command, this.wait(signal));
  }
  /** As `command`, for a transfer: preliminary replies count. */
  async begin(command, signal) {
    const reply = await askAtOnce(this.control, command, this.wait(signal));
    if (reply.code === 425) this.#passive.failed();
    return reply;
  }
  /** The reply that ends a transfer, whenever it comes. IIS says 425 here, after 150. */
  final() {
    const final = this.control.final();
    final.then(
      (reply) => {
        if (reply.code === 425) this.#passive.failed();
        else if (isGood(reply)) this.#passive.worked();
      },
      () => void 0
    );
    return final;
  }
  /** To be called before anything is sent past `command`. */
  async realign(signal) {
    if (this.control.echoed) await this.control.realign(this.wait(signal));
  }
  /**
   * The name of `path` for a command, after going where it is understood. So the working directory is looked after here alone: whatever an exchange did, and however
   * it ended, the next name is right.
   */
  async name(path, signal, spelling = this.ways.spelling) {
    if (NOT_ASCII.test(path) && !this.features.has("UTF8") && this.ways.first("UTF8")) this.#server.ports.warn(NO_UTF8);
    const { directory, name } = nameFor(path, spelling, this.home);
    if (directory !== "" && await this.enter(directory, signal)) return name;
    await this.#goHome(signal);
    return directory === "" ? name : nameFor(path, "given", this.home).name;
  }
  /** Makes `path` the working directory; false when the server refuses. */
  async enter(path, signal) {
    return isGood(await this.enterAsked(path, signal));
  }
  /** As `enter`, with the server's answer; null when we are there. */
  async enterAsked(path, signal) {
    if (path === this.#directory) return null;
    await this.#goHome(signal);
    if (path === "") return null;
    const reply = await this.command(`CWD ${nameFor(path, "given", this.home).name}`, signal);
    if (isGood(reply)) this.#directory = path;
    return reply;
  }
  /** Opens a passive data connection, for receiving when there is an `intake`. */
  async openData(intake, signal) {
    this.#transferring = true;
    const { control } = this;
    const dial = (port, timeoutMs) => openData(control, port, this.#server.trust, intake, { signal, timeoutMs });
    return await this.#passive.open((command, timeoutMs) => ask(control, command, { signal, timeoutMs }), dial, this.timeoutMs);
  }
  /** Puts the restart marker to `offset`; false when the server refuses it. */
  async restartAt(offset, signal) {
    if (offset === 0 && !this.restartMarked) return true;
    const command = `REST ${offset}`;
    const reply = await this.command(command, signal);
    if (reply.code >= 300 && reply.code < 400) {
      this.restartMarked = offset > 0;
      return true;
    }
    if (reply.code >= 500 && offset > 0) return false;
    throw replyError(reply, command);
  }
  /** Back to the login directory, so that relative paths go on meaning the same. */
  async #goHome(signal) {
    if (this.#directory === "") return;
    if (this.home === null) {
      this.control.close();
      return;
    }
    const command = `CWD ${this.home}`;
    const reply = await this.command(command, signal);
    if (!isGood(reply)) {
      this.control.close();
      throw replyError(reply, command);
    }
    this.#directory = "";
  }
};
function isGood(reply) {
  return reply === null || reply.code >= 200 && reply.code < 300;
}
var SUPERFLUOUS = 202;
function isDone(reply) {
  return isGood(reply) && reply.code !== SUPERFLUOUS;
}
async function ask(control, command, wait, action = command) {
  return await answer(control, command, wait, { action, reply: () => control.final() });
}
async function askAtOnce(control, command, wait) {
  return await answer(control, command, wait, { action: command, reply: () => control.reply() });
}
async function askOutright(control, command, wait, action) {
  if (control.echoed) await control.realign(wait);
  control.send(command);
  return await control.within(control.final(), action, wait);
}
async function answer(control, command, wait, { action, reply }) {
  if (control.echoed) await control.realign(wait);
  control.send(command);
  const said = await control.within(reply(), action, wait);
  if (said.code === 421) throw replyError(said, action);
  return said;
}

// src/remotes/ftp/patience.ts
var SILENCE_MS = 6e4;
async function askPatiently(connection, command, timeoutMs, signal) {
  const silent = new AbortController();
  const silenceMs = Math.max(connection.timeoutMs, SILENCE_MS);
  const tooLong = () => silent.abort(new TransferError("transient", `${command}: no answer for ${silenceMs / 1e3} s`));
  await connection.realign(signal);
  const timer = setTimeout(tooLong, silenceMs);
  const release = connection.control.onActivity(() => timer.refresh());
  try {
    connection.control.send(command);
    const wait = { signal: AbortSignal.any([signal, silent.signal]), timeoutMs };
    return await connection.control.within(connection.control.final(), command, wait);
  } finally {
    clearTimeout(timer);
    release();
  }
}

// src/remotes/ftp/intake.ts
var BUFFER_BYTES = 512 * 1024;
var ROOM_MIN = 64 * 1024;
var WAITING_MAX = 2;
var LINGER_MS = 20;
var Intake = class {
  #limit;
  #sink;
  #filling = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #delivered = 0;
  #filled = 0;
  #free = [];
  #waiting = [];
  #busy = false;
  #open = false;
  /** Nothing more is expected: rests are delivered, too. */
  #last = false;
  #linger;
  #received = 0;
  #overrun = false;
  #failure = null;
  /** Called when bytes have arrived, and when the sink has taken some or failed. */
  onArrival = () => void 0;
  onTaken = () => void 0;
  constructor(limit, sink) {
    this.#limit = limit;
    this.#sink = sink;
  }
  /** Bytes of the range that have arrived. */
  get received() {
    return this.#received;
  }
  /** Everything wanted has arrived. */
  get full() {
    return this.#received >= this.#limit;
  }
  /** The server sent more than was wanted. */
  get overrun() {
    return this.#overrun;
  }
  get failure() {
    return this.#failure;
  }
  /** Whether every byte that arrived is with the sink. */
  get idle() {
    return !this.#busy && this.#waiting.length === 0 && this.#delivered === this.#filled;
  }
  /** The sink is behind. */
  get congested() {
    return this.#waiting.length >= WAITING_MAX;
  }
  /** No more bytes, for now or for good. */
  get held() {
    return this.congested || this.#overrun || this.#failure !== null;
  }
  /** Before this nothing reaches the sink: the server may not have been verified, or may yet refuse. */
  open() {
    this.#open = true;
    this.#deliver();
  }
  /** Delivers what there is; nothing more will arrive. */
  flush() {
    this.#last = true;
    this.#deliver();
  }
  /** From now on nothing reaches the sink, however the exchange ended. */
  close() {
    this.#open = false;
    clearTimeout(this.#linger);
  }
  /** Where the next bytes go; never empty. */
  room() {
    return this.#filling.subarray(this.#filled);
  }
  /** `count` bytes were put into `room()`. */
  advance(count) {
    const wanted = Math.min(count, this.#limit - this.#received);
    if (wanted < count) this.#overrun = true;
    this.#received += wanted;
    this.#filled += wanted;
    if (this.#filling.length - this.#filled < ROOM_MIN) this.#turn();
    if (this.full) this.#last = true;
    this.#deliver();
    this.onArrival();
  }
  #turn() {
    this.#waiting.push({ bytes: this.#filling.subarray(this.#delivered, this.#filled), emptied: this.#filling });
    this.#filling = this.#free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    this.#delivered = 0;
    this.#filled = 0;
  }
  #next(rest) {
    const waiting = this.#waiting.shift();
    if (waiting !== void 0 || !rest || this.#delivered === this.#filled) return waiting ?? null;
    const bytes = this.#filling.subarray(this.#delivered, this.#filled);
    this.#delivered = this.#filled;
    return { bytes, emptied: null };
  }
  /** Full buffers at once. A rest only when it is the last or has lingered: few large writes to disk cost much less than many small ones. */
  #deliver(rest = this.#last) {
    while (this.#open && !this.#busy && this.#failure === null) {
      const piece = this.#next(rest);
      if (piece === null) break;
      this.#hand(piece);
    }
    const waits = this.#open && !this.#busy && this.#failure === null && this.#delivered < this.#filled;
    if (waits) this.#linger ??= setTimeout(() => this.#onLinger(), LINGER_MS);
  }
  #onLinger() {
    this.#linger = void 0;
    this.#deliver(true);
    this.onTaken();
  }
  #hand(piece) {
    if (piece.bytes.length === 0) {
      this.#release(piece);
      return;
    }
    try {
      const taken = this.#sink(piece.bytes);
      if (taken === void 0) this.#release(piece);
      else this.#await(taken, piece);
    } catch (error) {
      this.#fail(error);
    }
  }
  #await(taken, piece) {
    this.#busy = true;
    taken.then(
      () => {
        this.#busy = false;
        this.#release(piece);
        this.#deliver();
        this.onTaken();
      },
      (error) => this.#fail(error)
    );
  }
  #release(piece) {
    if (piece.emptied !== null) this.#free.push(piece.emptied);
  }
  #fail(error) {
    this.#busy = false;
    this.#failure ??= { error };
    this.onTaken();
  }
};

// src/remotes/ftp/list-lines.ts
var import_basic_ftp = __toESM(require_dist(), 1);

// src/remotes/ftp/size-reply.ts
var GROUPED = /^\d{1,3}([,.'_’\u00a0\u202f])\d{3}(?:\1\d{3})+$/;
var OTHER_UNITS = /\b([kmgtp]i?b?|(kilo|mega|giga|kibi|mebi|gibi)\w*|bits?|words?|lines?|blocks?|records?|pages?|sectors?|tracks?|units?|about)\b/i;
function ungrouped(text) {
  return GROUPED.test(text) ? text.replaceAll(/\D/g, "") : text;
}
function sizeIn(text, path) {
  const said = text.replaceAll(new RegExp(`^${text.slice(0, 3)}(?:[ -]|$)`, "gm"), "").trim();
  if (said === "File status") return 0;
  const words = withoutName(said, path).split(/[ \t\r\n]+/);
  const numbers = words.filter((word2) => /\d/.test(word2));
  const [word = ""] = numbers;
  const behind = words.slice(words.indexOf(word) + 1).join(" ");
  if (numbers.length !== 1 || OTHER_UNITS.test(words.join(" ")) || !/^((bytes?|octets?)\b.*)?$/i.test(behind)) return null;
  return parseSize(ungrouped(word.replace(/^[(=:]+/, "").replace(/[.,;)]+$/, "")));
}
function withoutName(said, path) {
  for (const name of [path, baseName(path)]) {
    if (name === "") continue;
    for (const quoted of [`"${name}"`, `'${name}'`, name]) {
      if (said.endsWith(` ${quoted}`)) return said.slice(0, -quoted.length).trim();
      if (said.startsWith(`${quoted} `) || said.startsWith(`${quoted}: `)) return said.slice(quoted.length).replace(/^:/, "").trim();
    }
  }
  return said;
}

// src/remotes/ftp/list-lines.ts
var UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
var NO_ENTRY = /^(total|summe|insgesamt)\b/i;
var UNIX = /^\s*([a-zA-Z-])([r-][w-][xsStTlL-][r-][w-][xsStTlL-][r-][w-][xsStTlL-])/;
function decodeLines(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at);
    const line = decodeLine(bytes.subarray(at, end < 0 ? bytes.length : end)).replace(/\r$/, "");
    if (line.trim() !== "") lines.push(line);
    at = end < 0 ? bytes.length : end + 1;
  }
  return lines;
}
function decodeLine(bytes) {
  try {
    return UTF8.decode(bytes);
  } catch {
    return bytes.toString("latin1").replaceAll(/[\x80-\xff]/g, (byte) => String.fromCharCode(56320 + byte.charCodeAt(0)));
  }
}
function marked(entry) {
  if (entry.name.isWellFormed()) return entry;
  const name = entry.name.replaceAll(/[\udc80-\udcff]/g, (unit) => `\\x${(unit.charCodeAt(0) - 56320).toString(16)}`);
  return { ...entry, name: name.toWellFormed(), garbled: true };
}
function parseNames(lines) {
  const names = lines.map(baseName).filter((name) => name !== "" && name !== "." && name !== "..");
  return names.map((name) => ({ name, kind: "unknown", size: null }));
}
function parseLines(lines) {
  return lines.filter((line) => !NO_ENTRY.test(line)).flatMap(parseLine);
}
function parseLine(raw) {
  const { line, doubtful: doubtful2 } = plainSize(raw);
  let parsed;
  try {
    parsed = (0, import_basic_ftp.parseList)(line);
  } catch (error) {
    throw new TransferError("protocol", "the listing is in a format that is not known", { cause: error });
  }
  const [entry] = parsed;
  const name = baseName((entry?.name ?? "").replace(/(?<=[^/])\/+$/, ""));
  if (entry === void 0 || name === "" || name === "." || name === "..") return [];
  const unix = UNIX.exec(line);
  const kind = kindOf2(entry.type, unix?.[1]);
  const size = kind === "file" && !doubtful2 && Number.isSafeInteger(entry.size) && entry.size >= 0 ? entry.size : null;
  return [{ name, kind, size, ...unix === null ? {} : { mode: modeOf(unix[2] ?? "") } }];
}
var BEFORE_DATE = /^(\s*\S{10}\S*\s+(?:\S.*?\s)??)(\S+)(\s+(?:[A-Za-z]{3}\s+\d{1,2}\s+(?:\d{4}|\d\d?:\d\d)\s|\d{4}-\d\d-\d\d\s))/;
var AFTER_TIME = /^(\s*\d{2,4}[-./]\d{2}[-./]\d{2,4}\s+\d\d?:\d\d\S*\s+)(\S+)(\s)/;
function plainSize(line) {
  const [whole = "", before = "", size = "", after = ""] = (UNIX.test(line) ? BEFORE_DATE : AFTER_TIME).exec(line) ?? [];
  const digits = ungrouped(size);
  const grouped = /^\d{1,3}[,.'_’\u00a0\u202f]\d{3}$/.test(size);
  const columns = before.trim().split(/\s+/);
  const spaced = /^\d{3}$/.test(size) && /^\d{1,3}$/.test(columns.at(-1) ?? "") && (columns.length > 4 || size.startsWith("0") && columns.length > 1);
  return { line: `${before}${grouped ? "0" : digits}${after}${line.slice(whole.length)}`, doubtful: grouped || spaced };
}
var FILE = 1;
var DIRECTORY = 2;
var LINK = 3;
function kindOf2(type, letter) {
  if (letter === "b" || letter === "c" || letter === "p" || letter === "s") return "other";
  if (type === FILE) return "file";
  if (type === DIRECTORY) return "directory";
  return type === LINK ? "other" : "unknown";
}
function modeOf(text) {
  let mode = 0;
  for (let at = 0; at < 9; at += 1) {
    const letter = text[at] ?? "-";
    const bit = 1 << 8 - at;
    if (/[rwxst]/.test(letter)) mode |= bit;
    if (/[sStT]/.test(letter)) mode |= 512 << 2 - Math.floor(at / 3);
  }
  return mode;
}

// src/remotes/ftp/receive.ts
var LAST_BYTE_GRACE_MS = 1e3;
var REFUSAL_GRACE_MS = 1e3;
function receive(reception) {
  return new Promise((resolve, reject) => new Pump(reception, resolve, reject).start());
}
var Pump = class {
  #reception;
  #resolve;
  #reject;
  #stall;
  #grace;
  #settled = false;
  #held = true;
  constructor(reception, resolve, reject) {
    this.#reception = reception;
    this.#resolve = resolve;
    this.#reject = reject;
    const { timeoutMs } = reception;
    this.#stall = new StallTimer(
      timeoutMs,
      () => this.#fail(new TransferError("transient", `no data from the server for ${timeoutMs / 1e3} s`))
    );
  }
  start() {
    const { data, intake, final, signal } = this.#reception;
    signal.addEventListener("abort", this.#onAbort, { once: true });
    intake.onArrival = () => {
      this.#stall.touch();
      this.#check();
    };
    intake.onTaken = () => this.#check();
    data.onEnd = () => this.#check();
    final.then(
      (reply) => this.#onFinal(reply),
      () => void 0
    );
    if (signal.aborted) {
      this.#onAbort();
      return;
    }
    intake.open();
    this.#check();
  }
  #onAbort = () => this.#fail(abortError(this.#reception.signal));
  #onFinal(reply) {
    if (reply.code < 400 || this.#settled || this.#grace !== void 0) return;
    this.#grace = setTimeout(() => this.#fail(replyError(reply, "reading")), REFUSAL_GRACE_MS);
  }
  #check() {
    if (this.#settled) return;
    const { data, intake } = this.#reception;
    if (data.ended || data.socket.destroyed) intake.flush();
    if (this.#settled) return;
    if (intake.failure !== null) this.#fail(intake.failure.error);
    else if (intake.idle && intake.overrun) this.#succeed("full");
    else if (intake.idle && data.ended) this.#succeed("ended");
    else if (intake.idle && data.socket.destroyed) this.#broken();
    else this.#goOn();
  }
  #goOn() {
    const { data, intake } = this.#reception;
    if (intake.held) {
      this.#stall.hold();
      this.#held = true;
    } else if (this.#held) {
      this.#stall.release();
      data.socket.resume();
      this.#held = false;
    }
    if (intake.idle && intake.full) this.#grace ??= setTimeout(() => this.#succeed("full"), LAST_BYTE_GRACE_MS);
  }
  #broken() {
    const { data, intake } = this.#reception;
    if (intake.full) this.#succeed("full");
    else this.#fail(data.failure ?? new TransferError("transient", "the data connection was closed"));
  }
  #succeed(end) {
    if (this.#finish()) this.#resolve(end);
  }
  #fail(error) {
    if (this.#finish()) this.#reject(error);
  }
  #finish() {
    if (this.#settled) return false;
    this.#settled = true;
    this.#stall.stop();
    clearTimeout(this.#grace);
    const { data, intake, signal } = this.#reception;
    signal.removeEventListener("abort", this.#onAbort);
    intake.close();
    intake.onArrival = () => void 0;
    intake.onTaken = () => void 0;
    data.onEnd = () => void 0;
    return true;
  }
};

// src/remotes/ftp/refusals.ts
var NOTHING_THERE = /no such|not found|does ?n[o']t exist|can(not|'t) find|no (matching )?(files?|entries|data sets?)\b|empty|not a (plain|regular) file/i;
var NOT_TOLD = /permission|denied|not (permitted|allowed|available|implemented|supported|understood)|forbidden|disabled|privilege|unknown command|prohibited/i;
var NOT_KNOWN = [500, 501, 502, 503, 504, 530, 534];
var REFUSALS = ["refused", "denied", "unsupported", "protocol"];
function saysNothingThere(reply, name) {
  return (reply.code === 550 || reply.code === 553 || reply.code === 450) && says(NOTHING_THERE, reply, name);
}
function refusedLook(reply, name) {
  if (NOT_KNOWN.includes(reply.code)) return "untold";
  if (saysNothingThere(reply, name)) return "nothing";
  return (reply.code === 550 || reply.code === 553) && !says(NOT_TOLD, reply, name) ? "nothing" : "untold";
}
function says(pattern, reply, name) {
  return pattern.test(name === "" ? reply.text : reply.text.replaceAll(name, ""));
}
function isRefusal(error) {
  return error instanceof TransferError && REFUSALS.includes(error.kind);
}

// src/remotes/ftp/listing.ts
var ENTRIES_MAX = 1e5;
var LISTING_BYTES_MAX = 64 * 1024 * 1024;
var PURE_FTPD_ENTRIES = 1e4;
var WAYS = [
  { command: "MLSD", parse: parseMlsd },
  { command: "LIST -a", parse: parseLines },
  { command: "LIST", parse: parseLines },
  { command: "NLST", parse: parseNames }
];
async function entriesOf(connection, path, signal, commands = WAYS.map(({ command }) => command)) {
  let empty = null;
  let refusal3 = null;
  for (const way of WAYS.filter(({ command }) => commands.includes(command))) {
    if (!allowed(connection, way.command, path) || way.command === "MLSD" && !connection.features.has("MLST")) continue;
    const found = await tryWay(connection, way, path, signal);
    if ("refused" in found) refusal3 ??= found;
    else if (found.entries.length > 0 || connection.ways.proven(way.command)) return found;
    else empty ??= found;
  }
  if (empty !== null) return empty;
  throw refusal3?.refused() ?? new TransferError("refused", `listing ${path}: the server has refused every way of listing before`);
}
function allowed({ ways }, command, path) {
  return ways.allows(command) && ways.allows(`${command} ${path}`);
}
function noteSilence({ ways }, command, path, error) {
  if (!(error instanceof TransferError) || !/no (answer|data) from the server for/.test(error.message)) return;
  ways.refused(`${command} ${path}`);
  ways.refused(command);
}
async function tryWay(connection, way, path, signal) {
  const { ways } = connection;
  const argument = await place(connection, way.command, path, signal);
  const lines = await listing(connection, way.command + argument, path, signal).catch((error) => {
    noteSilence(connection, way.command, path, error);
    throw error;
  });
  if (!Array.isArray(lines)) {
    ways.refused(way.command);
    return lines;
  }
  try {
    const entries = way.parse(lines).map(marked);
    if (lines.length > 0) ways.worked(way.command);
    return { entries, showsHidden: showsHidden(way.command, lines, entries) };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    ways.refused(way.command);
    return { refused: () => error };
  }
}
async function place(connection, command, path, signal) {
  if (command === "MLSD" && connection.ways.spelling === "given") return ` ${await connection.name(path, signal)}`;
  const reply = await connection.enterAsked(path, signal);
  if (reply === null || isGood(reply)) return "";
  throw replyErrorAs(refusedLook(reply, path) === "nothing" ? "not-found" : "refused", reply, `listing ${path}`);
}
function showsHidden(command, lines, entries) {
  return command === "MLSD" || lines.some((line) => /(^|\s)\.\.?$/.test(line)) || entries.some((entry) => entry.name.startsWith("."));
}
async function listing(connection, command, path, signal) {
  const chunks = [];
  let bytes = 0;
  const intake = new Intake(Number.POSITIVE_INFINITY, (chunk) => {
    bytes += chunk.length;
    if (bytes > LISTING_BYTES_MAX) throw new TransferError("limit", `the listing of ${path} is longer than ${LISTING_BYTES_MAX} bytes`);
    chunks.push(Buffer.from(chunk));
  });
  const data = await connection.openData(intake, signal);
  try {
    await connection.restartAt(0, signal);
    const opening = await connection.begin(command, signal);
    if (opening.code >= 400 || isGood(opening)) connection.abandonTransfer();
    if (opening.code >= 400) return refusedListing(connection, opening, command, path);
    if (opening.code >= 200) return [];
    const final = connection.final();
    await data.ready(connection.wait(signal));
    await receive({ data, intake, final, timeoutMs: connection.timeoutMs, signal });
    data.destroy();
    const reply = await connection.control.within(final, command, connection.wait(signal));
    if (isGood(reply)) connection.endTransfer();
    else return refusedListing(connection, reply, command, path);
    const lines = decodeLines(Buffer.concat(chunks));
    assertComplete(lines, reply, path);
    return lines;
  } finally {
    data.destroy();
  }
}
function refusedListing(connection, reply, command, path) {
  if (reply.code === 421 || reply.code === 425 || reply.code === 426 || reply.code === 530) throw replyError(reply, command);
  const byName = command.startsWith("MLSD ");
  if (!byName && command !== "LIST -a" && saysNothingThere(reply, path)) return [];
  if (byName && connection.ways.proven("MLSD") && refusedLook(reply, path) === "nothing") throw replyErrorAs("not-found", reply, command);
  return { refused: () => replyErrorAs("refused", reply, command) };
}
function assertComplete(lines, reply, path) {
  if (lines.length === PURE_FTPD_ENTRIES || /truncated/i.test(reply.text)) {
    throw new TransferError("limit", `the server cut the listing of ${path} at ${lines.length} entries`, {
      hint: "Pure-FTPd does that at 10,000 entries unless its administrator raises the limit (-L)."
    });
  }
  if (lines.length > ENTRIES_MAX + 2) throw new TransferError("limit", `${path} has more than ${ENTRIES_MAX} entries`);
}

// src/remotes/ftp/stat.ts
var DIRECTORY2 = { kind: "directory", size: null, modifiedAtMs: null, validator: null };
var NOTHING_SAID = "the server has refused before to say anything of names";
async function stat(connection, path, signal) {
  return await firstAnswer(connection, path, [byMlst, bySize, byListing], signal);
}
async function firstAnswer(connection, path, ways, signal) {
  let nothing = false;
  let refusal3 = null;
  for (const way of ways) {
    const look = await way(connection, path, signal);
    if (look === "missing") return null;
    if (look === "nothing") nothing = true;
    else if (look === "empty") continue;
    else if (look instanceof TransferError) refusal3 = look;
    else return look;
  }
  if (nothing || refusal3 === null) return null;
  throw refusal3;
}
async function byMlst(connection, path, signal) {
  const { ways } = connection;
  const closed = new TransferError("refused", NOTHING_SAID);
  if (!connection.features.has("MLST") || !ways.allows("MLST")) return closed;
  const command = `MLST ${await connection.name(path, signal)}`;
  const reply = await connection.command(command, signal);
  if (!isGood(reply)) return await refused(connection, "MLST", { reply, path, command }, signal);
  const facts = parseMlst(reply.text)?.facts;
  const type = facts?.get("type");
  const kind = type === void 0 ? "other" : kindOf(type);
  const size = parseSize(facts?.get("size"));
  if (facts === void 0 || kind === "other" || kind === "file" && size === null) return replyErrorAs("refused", reply, command);
  ways.worked("MLST");
  const mode = parseMode(facts.get("unix.mode"));
  return {
    kind,
    size: kind === "file" ? size : null,
    modifiedAtMs: parseTime(facts.get("modify")),
    validator: null,
    ...mode === null ? {} : { mode }
  };
}
async function refused(connection, way, { reply, path, command }, signal) {
  const { ways } = connection;
  if (refusedLook(reply, path) === "untold") {
    ways.refused(way);
    return replyErrorAs("refused", reply, command);
  }
  if (way === "MLST" && !ways.proven("MLST")) await tryMlst(connection, signal);
  if (ways.proven(way)) return "missing";
  return ways.blind ? replyErrorAs("refused", reply, command) : "nothing";
}
async function tryMlst(connection, signal) {
  const reply = await connection.command(`MLST ${await connection.name("", signal)}`, signal);
  if (isGood(reply) && parseMlst(reply.text) !== null) connection.ways.worked("MLST");
}
async function bySize(connection, path, signal) {
  const size = path === "" ? "nothing" : await askSize(connection, path, signal);
  if (typeof size !== "number" || await tellsSizeOfDirectories(connection, signal)) {
    if (await isDirectory(connection, path, signal)) return DIRECTORY2;
    if (typeof size !== "number") return size;
  }
  return { kind: "file", size, modifiedAtMs: await timeOf(connection, path, signal), validator: null };
}
async function known(connection, path, signal) {
  try {
    return await stat(connection, path, signal);
  } catch (error) {
    if (isUntold(error)) return void 0;
    throw error;
  }
}
function isUntold(error) {
  return isRefusal(error) || error instanceof TransferError && error.kind === "limit";
}
async function timeOf(connection, path, signal) {
  if (!connection.ways.allows("MDTM")) return null;
  const reply = await connection.command(`MDTM ${await connection.name(path, signal)}`, signal);
  const time = isGood(reply) ? parseTime(reply.text.slice(4).trim()) : null;
  if (time !== null) connection.ways.worked("MDTM");
  else connection.ways.refused("MDTM");
  return time;
}
async function byListing(connection, path, signal) {
  if (path === "") return DIRECTORY2;
  const name = baseName(path);
  let listing2;
  try {
    listing2 = await entriesOf(connection, directoryName(path), signal);
  } catch (error) {
    if (error instanceof TransferError && error.kind === "not-found") return "nothing";
    if (isUntold(error)) return error;
    throw error;
  }
  const entry = listing2.entries.find((one) => one.name === name);
  if (entry === void 0) {
    const hidden = name.startsWith(".") && !listing2.showsHidden;
    const unreadable = /[^\0-\x7f]/.test(name) && listing2.entries.some((one) => one.garbled === true);
    if (hidden || unreadable) return new TransferError("refused", `the listing does not tell whether there is ${path}`);
    if (listing2.entries.length > 0) return "missing";
    return connection.ways.blind ? new TransferError("refused", `the listing in which ${path} should be is empty`) : "empty";
  }
  for (const way of ["MLST", "SIZE"]) connection.ways.refused(way);
  if (entry.kind === "directory") return DIRECTORY2;
  const size = entry.kind === "file" ? entry.size : null;
  const time = await timeOf(connection, path, signal);
  return { kind: "file", size, modifiedAtMs: time, validator: null, ...entry.mode === void 0 ? {} : { mode: entry.mode } };
}
async function sizeOf(connection, path, signal) {
  const size = await askSize(connection, path, signal);
  if (typeof size === "number") return size;
  if (size === "missing") return null;
  const settled = () => Promise.resolve(size);
  try {
    const file = await firstAnswer(connection, path, [settled, byMlst, byListing], signal);
    return file === null || file.kind === "directory" ? null : file.size ?? void 0;
  } catch (error) {
    if (isUntold(error)) return void 0;
    throw error;
  }
}
async function askSize(connection, path, signal) {
  if (!connection.ways.allows("SIZE")) return new TransferError("refused", NOTHING_SAID);
  const command = `SIZE ${await connection.name(path, signal)}`;
  const reply = await connection.command(command, signal);
  const size = isGood(reply) ? sizeIn(reply.text, path) : null;
  if (size !== null) {
    connection.ways.worked("SIZE");
    return size;
  }
  const look = isGood(reply) ? replyErrorAs("protocol", reply, command) : await refused(connection, "SIZE", { reply, path, command }, signal);
  if (isGood(reply)) connection.ways.refused("SIZE");
  return look === "missing" || look === "nothing" || look instanceof TransferError ? look : "nothing";
}
async function tellsSizeOfDirectories(connection, signal) {
  if (connection.features.has("MLST")) return false;
  connection.sizeOfDirectories ??= isGood(await connection.command(`SIZE ${await connection.name("", signal)}`, signal));
  return connection.sizeOfDirectories;
}
async function isDirectory(connection, path, signal) {
  return await connection.enter(path, signal);
}

// src/remotes/ftp/digester.ts
var HEX_DIGITS = { sha256: 64, sha512: 128, sha1: 40, md5: 32, crc32: 8 };
var EMPTY_CRC32 = "00000000";
var RATE_MIN = 1e4;
var WAYS2 = [
  { algorithm: "sha256", command: "XSHA256" },
  { algorithm: "sha256", command: "HASH", hashName: "SHA-256" },
  { algorithm: "sha512", command: "XSHA512" },
  { algorithm: "sha512", command: "HASH", hashName: "SHA-512" },
  { algorithm: "sha1", command: "XSHA1" },
  { algorithm: "sha1", command: "XSHA" },
  { algorithm: "sha1", command: "HASH", hashName: "SHA-1" },
  { algorithm: "md5", command: "XMD5" },
  { algorithm: "md5", command: "HASH", hashName: "MD5" },
  { algorithm: "crc32", command: "XCRC" }
];
function digestWay(features) {
  const hashes = (features.get("HASH") ?? "").toUpperCase().split(/[;\s*]+/);
  return WAYS2.find((way) => way.hashName === void 0 ? features.has(way.command) : hashes.includes(way.hashName)) ?? null;
}
var FtpDigester = class {
  algorithm;
  ranges;
  #way;
  #pool;
  constructor(way, pool) {
    this.#way = way;
    this.#pool = pool;
    this.algorithm = way.algorithm;
    this.ranges = way.hashName === void 0 ? "any" : "whole";
  }
  /** On a session that has seen no digest from before our last change: ProFTPD would repeat it. */
  async digest(path, range, signal) {
    if (range.end <= range.start) return this.algorithm === "crc32" ? EMPTY_CRC32 : createHash(this.algorithm).digest("hex");
    return await this.#pool.lease("digest", signal, async (connection, either) => {
      const whole = this.#way.hashName !== void 0;
      const reply = whole ? await this.#hash(connection, path, range, either) : await this.#ranged(connection, path, range, either);
      const digest = digestIn(reply, HEX_DIGITS[this.algorithm]);
      if (digest === null) throw replyErrorAs("unsupported", reply, this.#way.command);
      return digest;
    });
  }
  async #ranged(connection, path, range, signal) {
    const name = await connection.name(path, signal);
    if (/["\\]/.test(name)) throw new TransferError("unsupported", "a name with a quote or a backslash cannot be digested by range");
    return await ask2(connection, `${this.#way.command} "${name}" ${range.start} ${range.end}`, range.end - range.start, signal);
  }
  async #hash(connection, path, range, signal) {
    if (range.start !== 0 || await sizeOf(connection, path, signal) !== range.end) {
      throw new TransferError("unsupported", "HASH digests only whole files");
    }
    const select = await connection.command(`OPTS HASH ${this.#way.hashName}`, signal);
    if (!isGood(select)) throw replyErrorAs("unsupported", select, "OPTS HASH");
    return await ask2(connection, `HASH ${await connection.name(path, signal)}`, range.end, signal);
  }
};
async function ask2(connection, command, bytes, signal) {
  const reply = await askPatiently(connection, command, Math.max(connection.timeoutMs, SILENCE_MS) + bytes / RATE_MIN, signal);
  if (isGood(reply)) return reply;
  throw reply.code >= 500 ? replyErrorAs("unsupported", reply, command) : replyError(reply, command);
}
function digestIn(reply, digits) {
  const last = reply.text.split("\n").at(-1) ?? "";
  const words = last.slice(4).split(/\s+/);
  const found = words.filter((word) => word.length === digits && /^[0-9a-f]+$/i.test(word));
  return found.length === 1 ? found[0]?.toLowerCase() ?? null : null;
}

// src/remotes/ftp/control.ts
var import_basic_ftp3 = __toESM(require_dist(), 1);
import net2 from "node:net";
import * as tls3 from "node:tls";

// src/remotes/ftp/lines.ts
var import_basic_ftp2 = __toESM(require_dist(), 1);
var LINE_LENGTH_MAX = 65536;
var WholeLines = class extends import_basic_ftp2.FTPContext {
  #begun = "";
  /** The server is in the middle of a line. */
  get midLine() {
    return this.#begun !== "";
  }
  /** What was never connected has nobody to say QUIT to. */
  _closeControlSocket() {
    if (this.socket.remoteAddress === void 0) this._closeSocket(this.socket);
    else super._closeControlSocket();
  }
  _onControlSocketData(chunk) {
    const end = chunk.lastIndexOf("\n") + 1;
    const lines = end === 0 ? "" : this.#begun + chunk.slice(0, end);
    this.#begun = end === 0 ? this.#begun + chunk : chunk.slice(end);
    if (lines !== "") super._onControlSocketData(lines);
    if (this.#begun.length > LINE_LENGTH_MAX) this.closeWithError(new TransferError("protocol", "the server sends a line without end"));
  }
};

// src/remotes/ftp/control.ts
var KEEP_ALIVE_MS2 = 3e4;
var LINE_BREAKING2 = /[\r\n\0]/;
var REPLIES_WAITING_MAX = 100;
var MARKS_MAX = 100;
var Control = class {
  #context = new WholeLines(0);
  #redact;
  #replies = [];
  #consumer = null;
  /** Commands (and the greeting) whose final reply is still out. */
  #unanswered = 1;
  #unasked = null;
  #strays = 0;
  /** The code of the last answer, and whether the server gave it once more: some do so after PASS, CWD, OPTS or STOR. */
  #last = 0;
  #echoed = false;
  /** Passed over while the place is being found again. */
  #repeated = null;
  #marked = Promise.withResolvers();
  #failure = null;
  /** TLS, and the peer trusted. */
  #secured = false;
  constructor(debug, redact) {
    this.#redact = redact;
    this.#context.log = (message) => debug(message.trimEnd());
    void this.#context.handle(void 0, (response) => this.#take(response));
  }
  /** Whether the next command would get its own answer. */
  get usable() {
    return this.#failure === null && this.#unasked === null && this.#replies.length === 0 && this.#unanswered === 0 && !this.#context.midLine;
  }
  /** The server said its last good word twice: before the next command `realign` has to find the place again, because a third may be on its way. */
  get echoed() {
    return this.#echoed;
  }
  /** Resolves at the next preliminary reply. */
  get marked() {
    return this.#marked.promise;
  }
  /** Where data connections go, whatever address the server names. */
  get remoteAddress() {
    const address = this.#context.socket.remoteAddress;
    if (address === void 0) throw this.#ended();
    return address;
  }
  get encrypted() {
    return this.#context.hasTLS;
  }
  /** The TLS session that data connections continue: the newest ticket of any connection of this session. */
  get tlsSession() {
    const { socket, tlsSessionStore } = this.#context;
    return tlsSessionStore ?? (socket instanceof tls3.TLSSocket ? socket.getSession() : void 0);
  }
  keepTlsSession(session) {
    this.#context.tlsSessionStore = session;
  }
  /** Connects in clear text and waits for the greeting. */
  async connect(host, port, wait) {
    this.#context.socket = await this.#reach(host, port, wait);
    this.#tune();
    return await this.#greeting(wait);
  }
  /** Connects with TLS from the first byte. The server is verified before its greeting is looked at. */
  async connectSecurely(host, port, trust, wait) {
    const socket = tls3.connect({ ...trust.options, socket: await this.#reach(host, port, wait) });
    this.#context.socket = socket;
    this.#tune();
    await this.#handshake(socket, trust, wait);
    return await this.#greeting(wait);
  }
  /** Turns the clear connection into a verified TLS one. Nothing that was said before counts afterwards. */
  async upgrade(trust, wait) {
    const injected = () => !this.usable || this.#echoed;
    if (injected()) throw new TransferError("untrusted", "the server sent text between AUTH TLS and the TLS handshake");
    const socket = tls3.connect({ ...trust.options, socket: this.#context.socket });
    await this.#handshake(socket, trust, wait);
    if (injected()) throw new TransferError("untrusted", "the server sent text between AUTH TLS and the TLS handshake");
    this.#context.socket = socket;
    this.#tune();
  }
  /** Sends one command. Refuses CR, LF and NUL, and refuses to go on when the server is out of step. */
  send(command) {
    if (LINE_BREAKING2.test(command)) throw new TransferError("invalid-input", "a name with a line break or a NUL cannot be sent over FTP");
    if (this.#failure !== null) throw this.#ended();
    if (this.#unasked !== null) throw this.#outOfStep(this.#unasked);
    this.#unanswered += 1;
    this.#context.send(command);
  }
  /** The next reply, whenever it comes. One may wait at a time. */
  reply() {
    const next = this.#replies.shift();
    if (next !== void 0) return Promise.resolve(next);
    if (this.#failure !== null) return Promise.reject(this.#ended());
    const waiting = new Promise((resolve, reject) => {
      this.#consumer = { resolve, reject };
    });
    waiting.catch(() => void 0);
    return waiting;
  }
  /** The next reply that ends something: preliminary ones before it are passed over (125 and then 150). */
  final() {
    const last = this.#final();
    last.catch(() => void 0);
    return last;
  }
  async #final() {
    for (let marks = 0; marks < MARKS_MAX; marks += 1) {
      const reply = await this.reply();
      if (reply.code >= 200) return reply;
      this.#marked.resolve();
      this.#marked = Promise.withResolvers();
    }
    this.#context.closeWithError(new TransferError("protocol", "the server sends preliminary replies without end"));
    throw this.#ended();
  }
  /** Asks what has an answer of its own kind; everything before it is the last word again. */
  async realign(wait) {
    const question = this.#last === 257 ? "NOOP" : "PWD";
    this.#repeated = this.#last;
    this.send(question);
    await this.expect(question, wait);
    this.#repeated = null;
    this.#echoed = false;
    this.#strays = 0;
  }
  /** The next reply in time. A wait that ends without one closes the connection: whatever came later would answer something else. */
  async expect(action, wait) {
    return await this.within(this.reply(), action, wait);
  }
  /** As `expect`, for a reply that is already being waited for. */
  async within(reply, action, wait) {
    const seconds = Math.round(wait.timeoutMs / 100) / 10;
    try {
      return await bounded(reply, wait, () => new TransferError("transient", `${action}: no answer from the server for ${seconds} s`));
    } catch (error) {
      this.close();
      throw error;
    }
  }
  /** Calls `touched` whenever anything arrives, also inside a reply of many lines. Returns the end of it. */
  onActivity(touched) {
    const { socket } = this.#context;
    socket.on("data", touched);
    return () => socket.off("data", touched);
  }
  /** Says QUIT and leaves. Idempotent. */
  close() {
    this.#failure ??= new TransferError("transient", "the connection was closed");
    this.#context.close();
  }
  #take(response) {
    if (response instanceof Error && !(response instanceof import_basic_ftp3.FTPError)) {
      this.#fail(response);
      return;
    }
    const reply = this.#replyOf(response.code, response.message);
    if (reply.code === this.#repeated) {
      this.#strays += 1;
    } else if (this.#unanswered === 0) {
      this.#strays += 1;
      if (reply.code === this.#last && reply.code >= 200 && reply.code < 300) this.#echoed = true;
      else this.#unasked ??= reply;
    } else {
      if (reply.code >= 200) this.#unanswered -= 1;
      this.#last = reply.code;
      const consumer = this.#consumer;
      this.#consumer = null;
      if (consumer === null) this.#replies.push(reply);
      else consumer.resolve(reply);
    }
    if (this.#replies.length + this.#strays > REPLIES_WAITING_MAX)
      this.#context.closeWithError(new TransferError("protocol", "the server sends replies without end"));
  }
  #replyOf(code, text) {
    const redact = this.#redact;
    return {
      code,
      text,
      get shown() {
        return redact(text);
      }
    };
  }
  #fail(error) {
    this.#failure ??= socketError(error, "control connection", this.#secured);
    const consumer = this.#consumer;
    this.#consumer = null;
    consumer?.reject(this.#ended());
  }
  /** A server that closes often says why just before, e.g. `421 Timeout`: that text is worth more than ours. */
  #ended() {
    if (this.#unasked !== null) return this.#outOfStep(this.#unasked);
    return this.#failure ?? new TransferError("transient", "the connection is not open");
  }
  #outOfStep(reply) {
    if (reply.code === 421) return replyError(reply, "the server ended the session");
    return new TransferError("transient", `the server said something that nobody asked for: ${replyText(reply)}`);
  }
  #tune() {
    this.#context.socket.setKeepAlive(true, KEEP_ALIVE_MS2);
    this.#context.socket.setNoDelay(true);
  }
  async #reach(host, port, wait) {
    const reaching = reach({ host, port }, () => ({ socket: new net2.Socket() }));
    const seconds = Math.round(wait.timeoutMs / 100) / 10;
    const late = () => new TransferError("transient", `connecting: no answer from the server for ${seconds} s${reaching.tried()}`);
    try {
      return (await bounded(reaching.connected, wait, late)).socket;
    } catch (error) {
      const failure = socketError(error, "control connection");
      reaching.stop(failure);
      this.close();
      throw failure;
    }
  }
  async #greeting(wait) {
    let reply = await this.expect("connecting", wait);
    while (reply.code < 200) reply = await this.expect("connecting", wait);
    return reply;
  }
  async #handshake(socket, trust, wait) {
    const done = new Promise((resolve, reject) => {
      socket.once("error", reject);
      socket.once("close", () => reject(new TransferError("transient", "the server closed the connection during the TLS handshake")));
      socket.once("secureConnect", () => {
        try {
          assertTrusted(socket, trust);
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
    try {
      await bounded(done, wait, () => new TransferError("transient", "TLS handshake: no answer from the server"));
      this.#secured = true;
    } catch (error) {
      socket.on("error", () => void 0);
      socket.destroy();
      this.close();
      throw socketError(error, "TLS handshake");
    }
  }
};

// src/remotes/ftp/login.ts
var NOT_KNOWN2 = [500, 501, 502, 504];
async function connect3(server, signal) {
  const wait = sharedWait(signal, server.ports.timeoutMs);
  const control = new Control(server.ports.debug, server.ports.redact);
  try {
    await greet(control, server, wait);
    await logIn(control, server, wait);
    if (server.trust !== null) await protectData(control, wait);
    const feat = await ask(control, "FEAT", wait);
    const features = isGood(feat) ? parseFeatures(feat.text) : /* @__PURE__ */ new Map();
    if (features.has("UTF8")) await ask(control, "OPTS UTF8 ON", wait);
    const type = await ask(control, "TYPE I", wait);
    if (!isGood(type)) throw replyError(type, "TYPE I");
    const directory = await ask(control, "PWD", wait);
    return new Connection(control, features, isGood(directory) ? parseDirectory(directory.text) : null, server);
  } catch (error) {
    control.close();
    throw error;
  }
}
async function greet(control, server, wait) {
  const { config, trust } = server;
  const implicit = trust !== null && config.tls === "implicit";
  const greeting = implicit ? await control.connectSecurely(config.host, config.port, trust, wait) : await control.connect(config.host, config.port, wait);
  if (greeting.code < 200 || greeting.code > 299) throw replyError(greeting, "connecting");
  if (trust === null || implicit) return;
  let reply = await askAtOnce(control, "AUTH TLS", wait);
  if (NOT_KNOWN2.includes(reply.code)) reply = await askAtOnce(control, "AUTH SSL", wait);
  if (!isGood(reply) && reply.code !== 334) {
    const hint = "Nothing is sent without TLS to an ftps:// URL. If clear text is meant, write ftp://.";
    throw replyErrorAs("untrusted", reply, "AUTH TLS", hint);
  }
  await control.upgrade(trust, wait).catch((error) => {
    const unmeant = reply.code !== 234 && error instanceof TransferError && error.kind === "transient";
    throw unmeant ? replyErrorAs("untrusted", reply, "AUTH TLS, and no TLS came") : error;
  });
}
var doubtful = /* @__PURE__ */ new WeakMap();
var LOGINS_MAX = 2;
async function logIn(control, { config, ports }, wait) {
  ports.presenting?.();
  const action = `logging in as ${config.username}`;
  const user = await ask(control, `USER ${config.username}`, wait);
  if (user.code >= 200 && user.code < 300) return;
  if (user.code === 332 || user.code < 300 || user.code > 399) throw loginError(user, action);
  const done = await askOutright(control, `PASS ${config.password}`, wait, "PASS").catch((error) => {
    throw dropped(error, config);
  });
  if (isGood(done)) doubtful.set(config, Number.NEGATIVE_INFINITY);
  else throw turnedAway(done, action, config);
}
function dropped(error, config) {
  if (!(error instanceof TransferError) || error.kind !== "transient" || mayTryAgain(config)) return error;
  const message = `logging in as ${config.username}: the server was given the password ${LOGINS_MAX} times and did not answer it (${error.message})`;
  return new TransferError("denied", message, { cause: error });
}
function turnedAway(reply, action, config) {
  const error = loginError(reply, action);
  return error.kind !== "transient" || hasNoRoom(reply) || mayTryAgain(config) ? error : replyErrorAs("denied", reply, action);
}
function mayTryAgain(config) {
  const times = (doubtful.get(config) ?? 0) + 1;
  doubtful.set(config, times);
  return times < LOGINS_MAX;
}
async function protectData(control, wait) {
  await ask(control, "PBSZ 0", wait);
  const reply = await askAtOnce(control, "PROT P", wait);
  if (!isGood(reply)) {
    throw new TransferError("untrusted", `the server does not encrypt data connections: PROT P: ${replyText(reply)}`, {
      hint: "No file is sent or taken over an unencrypted connection to an ftps:// URL."
    });
  }
}

// src/remotes/ftp/pool.ts
var CONNECTIONS_MAX = 4;
var Pool = class {
  #server;
  #lent = /* @__PURE__ */ new Set();
  #closing = new AbortController();
  #idle;
  /** Grows with everything that we change on the server. */
  #epoch = 0;
  /** No further login after a refused one: some servers lock accounts for it. */
  #denial = null;
  constructor(server, first) {
    this.#server = server;
    this.#idle = [first];
  }
  /** What was seen of a file counts as long as this stays the same. */
  get epoch() {
    return this.#epoch;
  }
  /** Runs `exchange` on a connection of its own. Every rejection is a TransferError, or what the caller's sink or body threw. */
  async lease(purpose, signal, exchange) {
    throwIfAborted(this.#closing.signal);
    throwIfAborted(signal);
    if (purpose === "change") this.#epoch += 1;
    const either = AbortSignal.any([signal, this.#closing.signal]);
    const connection = this.#take(purpose) ?? await this.#connect(either);
    if (purpose === "digest") connection.digestEpoch ??= this.#epoch;
    this.#lent.add(connection);
    try {
      return await exchange(connection, either);
    } catch (error) {
      throw either.aborted ? abortError(either) : error;
    } finally {
      if (purpose === "change") this.#epoch += 1;
      this.#lent.delete(connection);
      this.#giveBack(connection);
    }
  }
  close() {
    this.#closing.abort(new TransferError("stopped", "the connection to the server was closed"));
    for (const connection of this.#idle.splice(0)) connection.control.close();
    for (const connection of this.#lent) connection.control.close();
  }
  /** The one used last, because it is the least likely to have idled too long. A session that the server has ended meanwhile is no failure of ours. */
  #take(purpose) {
    for (const connection of this.#idle.filter((candidate) => !candidate.clean)) this.#discard(connection);
    const found = this.#idle.findLast((candidate) => this.#suits(candidate, purpose));
    if (found !== void 0) {
      this.#idle.splice(this.#idle.indexOf(found), 1);
      return found;
    }
    const unfit = this.#idle[0];
    if (unfit !== void 0) this.#discard(unfit);
    return null;
  }
  #discard(connection) {
    this.#idle.splice(this.#idle.indexOf(connection), 1);
    connection.control.close();
  }
  #suits(connection, purpose) {
    if (purpose === "change") return !connection.restartMarked;
    return purpose !== "digest" || connection.digestEpoch === null || connection.digestEpoch === this.#epoch;
  }
  #giveBack(connection) {
    if (connection.clean && this.#idle.length < CONNECTIONS_MAX && !this.#closing.signal.aborted) this.#idle.push(connection);
    else connection.control.close();
  }
  async #connect(signal) {
    if (this.#denial !== null) throw this.#denial;
    try {
      return await connect3(this.#server, signal);
    } catch (error) {
      const failure = socketError(error, "connecting");
      if (failure.kind === "denied" || failure.kind === "untrusted") this.#denial = failure;
      throw failure;
    }
  }
};

// src/remotes/ftp/spelled.ts
var NAMES = "names";
async function spelled({ connection, path, signal, untouched }, run) {
  const { ways } = connection;
  try {
    const done = await run();
    if (path.includes("/")) ways.worked(NAMES);
    return done;
  } catch (error) {
    if (!isRefusal(error) || error.kind === "denied" || !untouched() || ways.proven(NAMES) || !path.includes("/")) throw error;
    const directory = directoryName(path);
    if (!await connection.enter(directory, signal)) throw error;
    for (const spelling of otherSpellings(path, connection.home)) {
      if (!connection.control.usable) break;
      ways.spelling = spelling;
      try {
        const done = await run();
        ways.worked(NAMES);
        return done;
      } catch (again) {
        ways.spelling = "given";
        if (!untouched() || !(again instanceof TransferError) || again.kind === "transient" || again.kind === "stopped") throw again;
      }
    }
    ways.worked(NAMES);
    throw error;
  }
}

// src/remotes/ftp/read.ts
var SETTLE_MS = 500;
var REASON_MS = 1e3;
async function read(connection, path, range, sink, signal, size = null) {
  let begun = false;
  await spelled({ connection, path, signal, untouched: () => !begun }, async () => {
    const intake = new Intake(range.end - range.start, sink);
    const data = await connection.openData(intake, signal);
    try {
      const { opening, command } = await begin(connection, path, range, signal);
      begun = true;
      const final = connection.final();
      await transfer({ connection, command, path, range, data, intake, final, told: toldBytes(opening) }, signal);
      if (intake.overrun && range.end === size) throw surplus(range);
    } finally {
      data.destroy();
    }
  });
}
async function begin(connection, path, range, signal) {
  const command = `RETR ${await connection.name(path, signal)}`;
  if (!await connection.restartAt(range.start, signal)) {
    throw new TransferError("unsupported", `the server cannot start reading at byte ${range.start}`);
  }
  const opening = await connection.begin(command, signal);
  if (opening.code >= 400) throw await refusedRead(connection, path, range, opening, signal);
  if (opening.code >= 200) throw replyErrorAs("protocol", opening, command);
  return { opening, command };
}
function toldBytes(opening) {
  return parseSize(/\((\d+) bytes\)/.exec(opening.text)?.[1]);
}
function surplus({ start, end }) {
  const message = `the server sent more than the ${end - start} bytes from byte ${start} to the end of the file`;
  return new TransferError(start > 0 ? "unsupported" : "source-changed", message);
}
async function transfer(going, signal) {
  const { connection, command, data, intake, final } = going;
  const end = await takeAll(connection, data, intake, final, signal);
  if (end === "full") return await leaveEarly(connection, data, final);
  const complete = intake.full;
  data.destroy();
  let reply;
  try {
    reply = await connection.control.within(final, command, connection.wait(signal));
  } catch (error) {
    if (complete && !signal.aborted) return;
    throw error;
  }
  if (isGood(reply)) connection.endTransfer();
  if (complete) return;
  if (!isGood(reply)) throw replyError(reply, command);
  await assertWhole(going, signal);
}
async function takeAll(connection, data, intake, final, signal) {
  try {
    await data.ready(connection.wait(signal));
    return await receive({ data, intake, final, timeoutMs: connection.timeoutMs, signal });
  } catch (error) {
    data.destroy();
    if (data.failure !== null && error === data.failure && await settledWithin(final, REASON_MS)) {
      const reply = await final.catch(() => null);
      if (reply !== null && reply.code >= 400) throw replyError(reply, "reading");
    }
    throw error;
  }
}
async function leaveEarly(connection, data, final) {
  data.destroy();
  const said = final.catch(() => null);
  const reply = await Promise.race([said, connection.control.marked.then(() => null), settledWithin(said, SETTLE_MS).then(() => null)]);
  if (reply === null || reply.code === 421) connection.control.close();
  else if (reply.code < 300) connection.endTransfer();
  else connection.abandonTransfer();
}
async function assertWhole({ connection, path, range, intake, told }, signal) {
  const end = range.start + intake.received;
  const isOpen = range.end === Number.POSITIVE_INFINITY;
  const found = await sizeOf(connection, path, signal);
  const size = isOpen && found === null ? void 0 : found;
  if (isOpen && size === end) return;
  if (isOpen && size === void 0) {
    if (range.start === 0 && told !== null && told > end) throw shortRead(end, told);
    return;
  }
  if (isOpen && typeof size === "number" && size > end) throw shortRead(end, size);
  if (isOpen || size === null || size !== void 0 && size < range.end) {
    throw new TransferError("source-changed", `the file has ${size ?? "no"} bytes now, and a read up to byte ${range.end} ended at ${end}`);
  }
  if (size === void 0 && range.start > 0 && intake.received === 0)
    throw new TransferError("unsupported", `the server sends nothing from byte ${range.start} on, and does not tell where the file ends`);
  throw shortRead(end, range.end);
}
function shortRead(end, wanted) {
  return new TransferError(
    "transient",
    `the data connection ended at byte ${end} of ${wanted}, although the server called the transfer complete`
  );
}
async function refusedRead(connection, path, range, reply, signal) {
  const error = replyError(reply, `RETR ${path}`);
  if (range.start === 0 && saysNothingThere(reply, path) && error.kind !== "denied") return replyErrorAs("not-found", reply, `RETR ${path}`);
  if (reply.code < 500 && range.start === 0 || error.kind === "denied") return error;
  const size = await sizeOf(connection, path, signal);
  if (size === void 0) return error;
  if (size === null) {
    return await isDirectory(connection, path, signal) ? error : replyErrorAs("not-found", reply, `RETR ${path}`);
  }
  if (size < range.start) return new TransferError("source-changed", `the file has ${size} bytes now, fewer than ${range.start}`);
  if (range.start > 0 && (reply.code === 451 || reply.code === 501 || reply.code === 554)) {
    return replyErrorAs("unsupported", reply, `RETR ${path} from byte ${range.start}`);
  }
  return error;
}

// src/remotes/ftp/copy.ts
var COPY_RATE = 4096;
var NOT_KNOWN3 = [500, 501, 502, 504];
function ftpCopy(pool, features) {
  if (!/\b(COPY|CPFR)\b/i.test(features.get("SITE") ?? "")) return null;
  let refused2 = null;
  return async (from, to, size, signal) => {
    if (refused2 !== null) throw refused2;
    try {
      await pool.lease("change", signal, (connection, either) => copyFile(connection, { from, to, size }, either));
    } catch (error) {
      if (error instanceof TransferError && error.kind === "unsupported") refused2 = error;
      throw error;
    }
  };
}
async function copyFile(connection, { from, to, size }, signal) {
  if (await known(connection, to, signal) !== null)
    throw new TransferError("conflict", `cannot copy to ${to}: there is, or may be, a file of that name`);
  const ask3 = `SITE CPFR ${await connection.name(from, signal)}`;
  const ready = await connection.command(ask3, signal);
  if (ready.code < 200 || ready.code >= 400) throw await refusal(connection, ready, ask3, from, signal);
  const order = `SITE CPTO ${await connection.name(to, signal)}`;
  const reply = await askPatiently(connection, order, connection.timeoutMs + size / COPY_RATE, signal);
  if (reply.code < 200 || reply.code > 299) throw await refusal(connection, reply, order, from, signal);
  const copied = await sizeOf(connection, to, signal);
  if (copied !== size)
    throw new TransferError("refused", `the copy ${to} has ${copied ?? "nobody knows how many"} bytes instead of ${size}`);
}
async function refusal(connection, reply, command, from, signal) {
  if (NOT_KNOWN3.includes(reply.code)) return replyErrorAs("unsupported", reply, command);
  if (reply.code === 550 && await known(connection, from, signal) === null) return replyErrorAs("not-found", reply, command);
  return replyError(reply, command);
}

// src/remotes/ftp/modes.ts
var CHMOD = "SITE CHMOD";
var SHOWN = "modes in listings";
var REFUSED_BEFORE = "the server has not taken SITE CHMOD before";
async function setMode(connection, path, mode, signal) {
  const { ways } = connection;
  if (!ways.allows(CHMOD)) throw new TransferError("unsupported", REFUSED_BEFORE);
  const command = `${CHMOD} ${mode.toString(8).padStart(3, "0")} ${await connection.name(path, signal)}`;
  const reply = await connection.command(command, signal).catch((error) => {
    if (!signal.aborted) ways.refused(CHMOD);
    throw error;
  });
  if (isDone(reply)) return ways.worked(CHMOD);
  const failure = replyError(reply, command);
  if (failure.kind === "transient" && reply.code < 500 && reply.code !== 450) {
    ways.refused(CHMOD);
    throw failure;
  }
  if (refusedLook(reply, path) === "nothing" && await known(connection, path, signal) === null)
    throw replyErrorAs("not-found", reply, command);
  ways.refused(CHMOD);
  throw replyErrorAs(ways.allows(CHMOD) ? "refused" : "unsupported", reply, command);
}
async function modeOf2(connection, path, signal) {
  const { ways } = connection;
  if (!ways.allows(CHMOD)) {
    if (ways.first("no modes")) throw new TransferError("unsupported", REFUSED_BEFORE);
    return null;
  }
  const told = await byStat(connection, path, signal);
  if (told !== null) return told;
  if (!ways.allows(SHOWN)) return null;
  const { entries } = await entriesOf(connection, directoryName(path), signal, ["LIST -a", "LIST"]);
  if (entries.some((entry) => entry.mode !== void 0)) ways.worked(SHOWN);
  else if (entries.length > 0) ways.refused(SHOWN);
  return ofFile(entries, path);
}
var NO_PLAIN_NAME = /[*?[\]{}\\~]|^-/;
async function byStat(connection, path, signal) {
  const { ways } = connection;
  const name = await connection.name(path, signal);
  if (!ways.allows("STAT") || NO_PLAIN_NAME.test(name)) return null;
  const reply = await connection.command(`STAT ${name}`, signal).catch((error) => {
    if (!signal.aborted) ways.refused("STAT");
    throw error;
  });
  if (!isGood(reply)) {
    if (refusedLook(reply, path) === "untold") ways.refused("STAT");
    return null;
  }
  const lines = reply.text.split(/\r?\n/).map((line) => line.replace(/^21[123]-/, ""));
  const mode = ofFile(
    lines.filter((line) => /^\s*[-l][rwxsStTlL-]{9}/.test(line)).flatMap((line) => linesIn(line.trim())),
    path
  );
  if (mode !== null) ways.worked("STAT");
  return mode;
}
function linesIn(line) {
  try {
    return parseLines([line]);
  } catch (error) {
    if (error instanceof TransferError) return [];
    throw error;
  }
}
function ofFile(entries, path) {
  const [entry, another] = entries.filter(({ name }) => baseName(name) === baseName(path));
  return entry?.kind === "file" && another === void 0 ? entry.mode ?? null : null;
}

// src/remotes/ftp/renaming.ts
var LAST_WORD_MS = 12e4;
var NOT_KNOWN4 = [500, 502, 504];
var Renaming = class {
  #replaces = true;
  /** RNTO replaces a file on every server that we tried. IIS, FileZilla Server and others can be told to refuse that, which nothing announces. */
  get replaces() {
    return this.#replaces;
  }
  async rename(connection, from, to, signal) {
    await spelled({ connection, path: to, signal, untouched: () => true }, () => this.#rename(connection, from, to, signal));
  }
  async #rename(connection, from, to, signal) {
    const ask3 = `RNFR ${await connection.name(from, signal)}`;
    const aim = directoryName(from) === directoryName(to) ? await connection.name(to, signal) : nameFor(to, "absolute", connection.home).name;
    const ready = await connection.command(ask3, signal);
    const order = ready.code >= 200 && ready.code < 400 ? `RNTO ${aim}` : null;
    const reply = order === null ? ready : await askPatiently(connection, order, Math.max(connection.timeoutMs, LAST_WORD_MS), signal);
    if (order !== null && isDone(reply)) return;
    if (order !== null && isGood(reply)) throw replyErrorAs("unsupported", reply, order);
    if (reply.code < 400 || reply.code > 599 || reply.code === 421) throw replyError(reply, order ?? ask3);
    if (await known(connection, from, signal) === null) throw replyErrorAs("not-found", reply, order ?? ask3);
    const inTheWay = order !== null && (await known(connection, to, signal) ?? null) !== null;
    if (inTheWay) this.#replaces = false;
    throw refusal2(reply, order ?? ask3, inTheWay);
  }
};
function refusal2(reply, command, inTheWay) {
  if (NOT_KNOWN4.includes(reply.code)) return replyErrorAs("unsupported", reply, command);
  const failure = replyError(reply, command);
  if (failure.kind !== "refused" && failure.kind !== "transient") return failure;
  return replyErrorAs(inTheWay ? "conflict" : "refused", reply, command);
}

// src/remotes/ftp/tree.ts
var NO_LISTING = ["unsupported", "refused", "not-found", "protocol", "limit"];
var FtpTree = class {
  copy;
  #pool;
  #renaming = new Renaming();
  constructor(pool, features) {
    this.#pool = pool;
    const copy = ftpCopy(pool, features);
    if (copy !== null) this.copy = copy;
  }
  get replaces() {
    return this.#renaming.replaces ? "atomically" : "never";
  }
  async rename(from, to, signal) {
    await this.#pool.lease("change", signal, (connection, either) => this.#renaming.rename(connection, from, to, either));
  }
  async remove(path, signal) {
    await this.#pool.lease("change", signal, async (connection, either) => {
      const command = `DELE ${await connection.name(path, either)}`;
      const reply = await connection.command(command, either);
      if (isDone(reply) || saysNothingThere(reply, path)) return;
      const isPassing = !isGood(reply) && reply.code < 500;
      if (!isPassing && await known(connection, path, either) === null) return;
      throw isGood(reply) ? replyErrorAs("unsupported", reply, command) : replyError(reply, command);
    });
  }
  async makeDirectory(path, signal) {
    await this.#pool.lease("change", signal, async (connection, either) => {
      if (await isDirectory(connection, path, either)) return;
      const names = path.split("/");
      for (let depth = 1; depth <= names.length; depth += 1) {
        const ancestor = names.slice(0, depth).join("/");
        if (ancestor === "" || names[depth - 1] === "") continue;
        if (depth < names.length && await isDirectory(connection, ancestor, either)) continue;
        await spelled({ connection, path: ancestor, signal: either, untouched: () => true }, async () => {
          const command = `MKD ${await connection.name(ancestor, either)}`;
          const reply = await connection.command(command, either);
          if (reply.code >= 400 && !await isDirectory(connection, ancestor, either)) throw replyError(reply, command);
        });
      }
    });
  }
  /**
   * MLST, SIZE and RETR tell of what a link points at. STAT tells of the name itself and needs no data connection; vsftpd 3.0.3, which has no
   * MLST, leaves out there a link to something: only its listing shows it.
   */
  async isLink(path, signal) {
    const name = baseName(path);
    const shown = await this.#pool.lease("ask", signal, async (connection, either) => {
      if (!connection.features.has("MLST") || !connection.ways.allows("STAT")) return null;
      const reply = await connection.command(`STAT ${await connection.name(path, either)}`, either);
      const { text } = reply;
      if (isGood(reply)) connection.ways.worked("STAT");
      else if (refusedLook(reply, path) === "untold") connection.ways.refused("STAT");
      return text.split(/\r?\n/).some((line) => /^ ?l[rwxsStT-]{9}/.test(line) && line.includes(`${name} -> `));
    });
    if (shown !== null) return shown;
    try {
      return (await this.list(directoryName(path), signal)).some((entry) => entry.name === name && entry.kind === "other");
    } catch (error) {
      if (error instanceof TransferError && NO_LISTING.includes(error.kind)) return false;
      throw error;
    }
  }
  async list(path, signal) {
    const { entries } = await this.#pool.lease("read", signal, (connection, either) => entriesOf(connection, path, either));
    return entries;
  }
  async setMode(path, mode, signal) {
    await this.#pool.lease("change", signal, (connection, either) => setMode(connection, path, mode, either));
  }
  async modeOf(path, signal) {
    return await this.#pool.lease("read", signal, (connection, either) => modeOf2(connection, path, either));
  }
};

// src/remotes/ftp/ways.ts
var Ways = class {
  #worked = /* @__PURE__ */ new Set();
  #refused = /* @__PURE__ */ new Set();
  /** A look by a way that has never worked found nothing where something had just been stored: from such a way `nothing` is no knowledge. */
  blind = false;
  /** Which of the two is asked first for a data connection. */
  passive = "EPSV";
  /** How names in other directories are spelled, once a server has taken none as they come. */
  spelling = "given";
  allows(way) {
    return !this.#refused.has(way);
  }
  proven(way) {
    return this.#worked.has(way);
  }
  worked(way) {
    this.#worked.add(way);
  }
  /** Of a way that has worked before it says only something about this one name. */
  refused(way) {
    if (!this.#worked.has(way)) this.#refused.add(way);
  }
  /** True the first time: for what a person should hear once. */
  first(what) {
    if (this.#worked.has(what)) return false;
    this.#worked.add(what);
    return true;
  }
};

// src/remotes/ftp/probe.ts
import { randomBytes } from "node:crypto";

// src/remotes/ftp/send.ts
import { setImmediate as setImmediate2 } from "node:timers/promises";
var WINDOW_MIN_BYTES = 512 * 1024;
var WINDOW_MAX_BYTES = 4 * 1024 * 1024;
var WRITES = 4;
var STOP_MS = 500;
var REASON_MS2 = 1e3;
var FINAL_REPLY_MS = 12e4;
var FINAL_REPLY_MAX_MS = 9e5;
var BUFFERED_BYTES = 8 * 1024 * 1024;
async function store(connection, path, start, length, source, observer, signal) {
  const data = await connection.openData(null, signal);
  try {
    await start.assertFile?.();
    const command = `${start.verb} ${await connection.name(path, signal)}`;
    const upload = { ...start, command, length, source, sent: (total) => observer.sent(total) };
    await begin2(connection, upload, data, signal);
    await transfer2(connection, upload, data, signal);
  } finally {
    data.destroy();
  }
}
async function begin2(connection, upload, data, signal) {
  if (!await connection.restartAt(upload.offset, signal)) {
    throw new TransferError("unsupported", `the server cannot start writing at byte ${upload.offset}`);
  }
  let reply;
  try {
    reply = await connection.begin(upload.command, signal);
  } catch (error) {
    if (!(error instanceof TransferError) || error.kind !== "transient") throw error;
    const hint = "Probably another session, perhaps one whose machine is gone, still has the file open for writing (vsftpd locks it).";
    throw new TransferError("transient", error.message, { cause: error, hint });
  }
  if (reply.code >= 400) {
    throw cannotContinue(upload, reply) ? replyErrorAs("unsupported", reply, upload.command) : replyError(reply, upload.command);
  }
  if (reply.code >= 200) throw replyErrorAs("protocol", reply, upload.command);
  await data.ready(connection.wait(signal));
}
function cannotContinue(upload, reply) {
  if (upload.offset > 0) return reply.code === 451 || reply.code === 501 || reply.code === 504;
  if (upload.verb === "STOR") return false;
  return [500, 501, 502, 504].includes(reply.code) || reply.code === 451 && /not (permitted|allowed)/i.test(reply.text);
}
async function transfer2(connection, upload, data, signal) {
  const final = connection.final();
  const watch = new ServerWatch(data, final, connection.timeoutMs);
  const either = AbortSignal.any([signal, watch.signal]);
  const started = performance.now();
  let reply;
  try {
    await pump(upload, data, either);
    watch.complete = true;
    if (upload.length === 0) await setImmediate2();
    data.socket.end();
    const elapsed = performance.now() - started;
    const draining = elapsed * Math.min(1, BUFFERED_BYTES / Math.max(1, upload.length));
    const timeoutMs = Math.max(connection.timeoutMs, Math.min(FINAL_REPLY_MAX_MS, FINAL_REPLY_MS + draining));
    const late = () => new TransferError("transient", `${upload.command}: no final answer after the last byte`);
    reply = await bounded(final, { signal: either, timeoutMs }, late);
  } catch (error) {
    await stop(connection, data, final, upload.verb);
    throw error;
  } finally {
    watch.end();
  }
  if (!isGood(reply)) throw replyError(reply, upload.command);
  connection.endTransfer();
}
var ServerWatch = class {
  /** Every byte has been handed over; from now on the final reply is welcome, and so is the server's end of the data connection. */
  complete = false;
  #broken = new AbortController();
  #reason;
  constructor(data, final, timeoutMs) {
    data.onEnd = () => this.#onEnd(data);
    final.then(
      (reply) => this.#onFinal(reply),
      (error) => this.#broken.abort(error)
    );
    const { socket } = data;
    socket.on("timeout", () => {
      if (socket.writableLength > 0) this.#broken.abort(new TransferError("transient", `the server took no data for ${timeoutMs / 1e3} s`));
      else socket.setTimeout(timeoutMs);
    });
    socket.setTimeout(timeoutMs);
    socket.resume();
  }
  get signal() {
    return this.#broken.signal;
  }
  end() {
    clearTimeout(this.#reason);
  }
  /** A broken data connection says nothing; the reply that explains it comes a little later. */
  #onEnd(data) {
    if (this.complete && data.failure === null) return;
    const error = data.failure ?? new TransferError("transient", "the server closed the data connection during the upload");
    this.#reason ??= setTimeout(() => this.#broken.abort(error), REASON_MS2);
  }
  #onFinal(reply) {
    if (reply.code >= 400) this.#broken.abort(replyError(reply, "upload"));
    else if (!this.complete)
      this.#broken.abort(new TransferError("transient", `the server ended the upload before its last byte: ${replyText(reply)}`));
  }
};
async function pump(upload, data, signal) {
  const outflow = new Outflow(data, upload);
  let queued = 0;
  let coming = ahead(upload.source);
  for (; ; ) {
    const step = await obeying(coming, signal);
    if (step.done === true) break;
    coming = ahead(upload.source);
    queued += step.value.length;
    if (queued > upload.length) throw new TransferError("internal", `the body has more than ${upload.length} bytes`);
    await outflow.write(step.value, signal);
  }
  if (queued < upload.length) throw new TransferError("internal", `the body has ${queued} bytes instead of ${upload.length}`);
}
var Outflow = class {
  #data;
  #upload;
  #started = performance.now();
  #waiting = 0;
  #sent = 0;
  #wake = () => void 0;
  constructor(data, upload) {
    this.#data = data;
    this.#upload = upload;
  }
  async write(bytes, signal) {
    for (let at = 0; at < bytes.length; ) {
      const window = this.#window();
      const chunk = bytes.subarray(at, at + window / WRITES);
      at += chunk.length;
      this.#waiting += chunk.length;
      this.#data.socket.write(chunk, (error) => this.#onWritten(chunk.length, error ?? null));
      while (this.#waiting >= window) await obeying(new Promise((resolve) => this.#onRoom(resolve)), signal);
    }
  }
  #onRoom(wake) {
    this.#wake = wake;
  }
  #onWritten(count, error) {
    if (error !== null) return;
    this.#waiting -= count;
    this.#sent += count;
    this.#upload.sent(this.#sent);
    this.#wake();
  }
  /** The first bytes vanish into the kernel's buffers and tell nothing about the line. */
  #window() {
    const rate = Math.max(0, this.#sent - BUFFERED_BYTES) / Math.max(1, performance.now() - this.#started);
    return Math.min(WINDOW_MAX_BYTES, Math.max(WINDOW_MIN_BYTES, Math.floor(rate * 1e3)));
  }
};
function ahead(source) {
  const coming = source.next();
  coming.catch(() => void 0);
  return coming;
}
async function stop(connection, data, final, verb) {
  if (verb === "APPE") data.reset();
  else if (!data.socket.writableEnded) data.socket.end();
  await settledWithin(final, STOP_MS);
  connection.control.close();
}

// src/remotes/ftp/probe.ts
var REFUSALS2 = ["unsupported", "refused", "protocol"];
var CLEANUP_MS = 500;
var WRITTEN = Buffer.from("01234567");
var APPENDED = Buffer.from("abcd");
var OVERWRITTEN = Buffer.from("XY");
async function probe(pool, directory, signal) {
  for (const mark of [".rt-probe-", "rt-probe-"]) {
    const scratch = new Scratch(pool, joinPath(directory, `${mark}${randomBytes(8).toString("hex")}`), signal);
    try {
      if (await scratch.accepts("STOR", 0, WRITTEN)) return await scratch.findContinuation();
    } finally {
      await scratch.remove();
    }
  }
  return null;
}
var Scratch = class {
  #pool;
  #path;
  #signal;
  constructor(pool, path, signal) {
    this.#pool = pool;
    this.#path = path;
    this.#signal = signal;
  }
  async write(verb, offset, bytes) {
    await this.#pool.lease("change", this.#signal, async (connection, either) => {
      const observer = { sent: () => void 0 };
      const path = this.#path;
      const send = () => store(connection, path, { verb, offset }, bytes.length, once(bytes), observer, either);
      await (offset === 0 && verb === "STOR" ? spelled({ connection, path, signal: either, untouched: () => true }, send) : send());
    });
  }
  /** False when the server refuses. */
  async accepts(verb, offset, bytes) {
    try {
      await this.write(verb, offset, bytes);
      return true;
    } catch (error) {
      if (error instanceof TransferError && REFUSALS2.includes(error.kind)) return false;
      throw error;
    }
  }
  async findContinuation() {
    const append = await this.#findAppend();
    if (append === null) return null;
    const marker = 4;
    const rewound = await this.accepts("STOR", marker, OVERWRITTEN);
    const after = rewound ? await this.#content() : Buffer.alloc(0);
    const expected = Buffer.concat([WRITTEN.subarray(0, marker), OVERWRITTEN]);
    return { append, rewind: after.subarray(0, expected.length).equals(expected) };
  }
  async #findAppend() {
    const expected = Buffer.concat([WRITTEN, APPENDED]);
    if (await this.accepts("APPE", 0, APPENDED)) return (await this.#content()).equals(expected) ? "APPE" : null;
    if (await this.accepts("STOR", WRITTEN.length, APPENDED)) return (await this.#content()).equals(expected) ? "REST" : null;
    return null;
  }
  /** Empty where nothing of it can be known: then nobody could say later where a partial ends, or what is in it. */
  async #content() {
    const chunks = [];
    try {
      await this.#pool.lease("read", this.#signal, async (connection, either) => {
        const size = await sizeOf(connection, this.#path, either);
        if (typeof size !== "number") return;
        await read(connection, this.#path, { start: 0, end: Math.min(size, 64) }, (chunk) => void chunks.push(Buffer.from(chunk)), either);
      });
    } catch (error) {
      if (error instanceof TransferError && REFUSALS2.includes(error.kind)) return Buffer.alloc(0);
      throw error;
    }
    return Buffer.concat(chunks);
  }
  /** Also after an abort, then only for a moment. */
  async remove() {
    const signal = this.#signal.aborted ? AbortSignal.timeout(CLEANUP_MS) : this.#signal;
    await this.#pool.lease("ask", signal, async (connection, either) => connection.command(`DELE ${await connection.name(this.#path, either)}`, either)).catch(() => void 0);
  }
};
async function* once(bytes) {
  yield bytes;
}

// src/remotes/ftp/writer.ts
var FtpWriter = class {
  #pool;
  /** What the probe found out, once it has. */
  #resumer;
  constructor(pool) {
    this.#pool = pool;
  }
  async create(path, size, body, observer, signal) {
    let begun = false;
    const source = noticed(body, () => {
      begun = true;
    });
    await this.#change(source, signal, async (connection, bytes, either) => {
      await spelled({ connection, path, signal: either, untouched: () => !begun }, async () => {
        await clear(connection, path, either);
        await store(connection, path, { verb: "STOR", offset: 0 }, size, bytes, observer, either);
      });
      const stored = await sizeOf(connection, path, either);
      if (stored === null) connection.ways.blind = true;
      else if (stored !== void 0) assertStored(stored, size, "equal");
      observer.acknowledged(size);
    });
  }
  async resumer(directory, signal) {
    if (this.#resumer === void 0) {
      const found = await probe(this.#pool, directory, signal);
      this.#resumer = found === null ? null : this.#resumerFor(found);
    }
    return this.#resumer;
  }
  #resumerFor(found) {
    const append = (path, offset, length, body, observer, signal) => this.#change(body, signal, async (connection, source, either) => {
      const assertFile = () => assertOffset(connection, path, (size) => size === offset, offset, either);
      const how = found.append === "APPE" ? { verb: "APPE", offset: 0 } : { verb: "STOR", offset };
      await store(connection, path, { ...how, assertFile }, length, source, observer, either);
      assertContinued(await sizeOf(connection, path, either), offset + length, "equal");
      observer.acknowledged(length);
    });
    if (!found.rewind) return { kind: "append", append };
    const rewind = (path, offset, length, body, observer, signal) => this.#change(body, signal, async (connection, source, either) => {
      const assertFile = () => assertOffset(connection, path, (size) => size >= offset, offset, either);
      await store(connection, path, { verb: "STOR", offset, assertFile }, length, source, observer, either);
      assertContinued(await sizeOf(connection, path, either), offset + length, "at-least");
      observer.acknowledged(length);
    });
    return { kind: "append", append, rewind };
  }
  /** One writing exchange; the body is always let go, also when no connection was to be had. */
  async #change(body, signal, exchange) {
    const source = body[Symbol.asyncIterator]();
    try {
      await this.#pool.lease("change", signal, (connection, either) => exchange(connection, source, either));
    } finally {
      void Promise.resolve(source.return?.()).catch(() => void 0);
    }
  }
};
async function assertOffset(connection, path, fits, offset, signal) {
  const size = await sizeOf(connection, path, signal);
  if (size === void 0) throw new TransferError("unsupported", "the server does not tell how long the partial is");
  if (size === null || !fits(size)) throw new TransferError("offset-conflict", `the partial has ${size ?? "no"} bytes, not ${offset}`);
}
async function clear(connection, path, signal) {
  const reply = await connection.command(`DELE ${await connection.name(path, signal)}`, signal);
  if (isDone(reply) || saysNothingThere(reply, path)) return;
  const removing = `removing what stands in the place of ${path}`;
  const size = await sizeOf(connection, path, signal);
  if (typeof size === "number") throw isGood(reply) ? replyErrorAs("unsupported", reply, removing) : replyError(reply, removing);
}
function assertContinued(stored, size, how) {
  if (stored === null) throw new TransferError("offset-conflict", "the file vanished while it was written");
  if (stored !== void 0) assertStored(stored, size, how);
}
function assertStored(stored, size, how) {
  if (stored === size || how === "at-least" && stored > size) return;
  if (stored > size)
    throw new TransferError(
      "offset-conflict",
      `the file has ${stored} bytes after an upload that ends at ${size}: somebody else writes to it`
    );
  throw new TransferError("transient", `the server called the upload complete, but the file has ${stored} bytes instead of ${size}`);
}
function noticed(body, begun) {
  const source = body[Symbol.asyncIterator]();
  const next = () => {
    begun();
    return source.next();
  };
  const leave = async () => await source.return?.() ?? { done: true, value: void 0 };
  return { [Symbol.asyncIterator]: () => ({ next, return: leave }) };
}

// src/remotes/ftp/remote.ts
var CLEAR_TEXT = "FTP without TLS: the password and every file travel in clear text";
var UNVERIFIED = "the certificate of the FTP server is not verified (tls-verify: false)";
var FtpRemote = class {
  protocol;
  connectionsMax = CONNECTIONS_MAX;
  notes;
  writer;
  tree;
  digester;
  #pool;
  #sizes = /* @__PURE__ */ new Map();
  constructor(pool, config, features) {
    this.#pool = pool;
    this.protocol = config.tls === "none" ? "ftp" : "ftps";
    this.writer = new FtpWriter(pool);
    this.tree = new FtpTree(pool, features);
    const way = digestWay(features);
    if (way !== null) this.digester = new FtpDigester(way, pool);
    this.notes = notesOn(config, features);
  }
  async stat(path, signal) {
    const file = await this.#pool.lease("ask", signal, (connection, either) => stat(connection, path, either));
    this.#sizes.set(path, { size: file?.size ?? null, epoch: this.#pool.epoch });
    return file;
  }
  async read(path, range, sink, options, signal) {
    if (options.validator !== void 0) throw new TransferError("internal", "FTP has no validators");
    await this.#pool.lease("read", signal, async (connection, either) => {
      if (range.end > range.start) await read(connection, path, range, sink, either, options.size ?? this.#toldSize(path));
    });
  }
  /** As `stat` told it, unless something was written since. */
  #toldSize(path) {
    const told = this.#sizes.get(path);
    return told?.epoch === this.#pool.epoch ? told.size : null;
  }
  async close() {
    this.#pool.close();
  }
};
function notesOn(config, features) {
  const notes = [];
  if (config.tls === "none") notes.push(CLEAR_TEXT);
  else if (!config.tlsVerify) notes.push(UNVERIFIED);
  if (!features.has("MLST")) notes.push("the server has no machine-readable listings (MLSD)");
  return notes;
}
async function openRemote(config, ports, signal) {
  const trust = config.tls === "none" ? null : trustFor(config);
  if (trust === null) ports.warn(CLEAR_TEXT);
  else if (!config.tlsVerify) ports.warn(UNVERIFIED);
  const server = { config, trust, ports, ways: new Ways() };
  try {
    const first = await connect3(server, signal);
    return new FtpRemote(new Pool(server, first), config, first.features);
  } catch (error) {
    throw socketError(error, `connecting to ${config.host} port ${config.port}`);
  }
}

// src/remotes/ftp/index.ts
var protocol = {
  schemes: Object.keys(DEFAULT_PORTS),
  defaultPorts: DEFAULT_PORTS,
  parse: parseConfig,
  locate: locatePath,
  open: openRemote
};
export {
  protocol
};
