//! What is known of JavaScript's and Node's library to do no more than compute.
//!
//! # Source
//! ECMA-262, 16th edition; the documentation of Node 24.

/// A module or a global object, and what it is asked for.
#[derive(Debug)]
pub(super) struct Module {
    /// Its name.
    pub(super) name: &'static str,
    /// What of it does no more than compute, separated by blanks.
    pub(super) plain: &'static str,
    /// What of it is a value, or leads to one.
    pub(super) values: &'static str,
    /// What reads the file whose path is the first argument.
    pub(super) readers: &'static str,
    /// What writes it, and what writes behind its end.
    pub(super) writers: &'static str,
    pub(super) appenders: &'static str,
}

const fn module(name: &'static str, plain: &'static str, values: &'static str) -> Module {
    Module { name, plain, values, readers: "", writers: "", appenders: "" }
}

/// What `require` gives.
pub(super) const MODULES: &[Module] = &[
    Module {
        readers: "readFileSync readFile",
        writers: "writeFileSync writeFile",
        appenders: "appendFileSync appendFile",
        ..module("fs", "accessSync existsSync lstatSync readdirSync realpathSync statSync", "")
    },
    Module {
        readers: "readFile",
        writers: "writeFile",
        appenders: "appendFile",
        ..module("fs/promises", "access lstat readdir realpath stat", "")
    },
    module(
        "path",
        "basename dirname extname format isAbsolute join normalize parse relative resolve",
        "delimiter sep",
    ),
    module(
        "os",
        "arch cpus freemem homedir loadavg platform release tmpdir totalmem type uptime version",
        "EOL",
    ),
    module("util", "format inspect isDeepStrictEqual stripVTControlCharacters", ""),
    module("url", "fileURLToPath format parse pathToFileURL", ""),
    module("querystring", "escape parse stringify unescape", ""),
    module("crypto", "createHash createHmac randomBytes randomInt randomUUID timingSafeEqual", ""),
    module(
        "zlib",
        "brotliDecompressSync deflateSync gunzipSync gzipSync inflateSync unzipSync",
        "",
    ),
    module("assert", "deepEqual deepStrictEqual equal notEqual notStrictEqual ok strictEqual", ""),
];

/// Global objects that are asked for something right away.
pub(super) const GLOBALS: &[Module] = &[
    module(
        "console",
        "assert debug dir error group groupEnd info log table time timeEnd trace warn",
        "",
    ),
    module("JSON", "parse stringify", ""),
    module(
        "Math",
        "abs acos asin atan atan2 cbrt ceil cos exp floor hypot log log10 log2 max min pow random round sign sin \
         sqrt tan trunc",
        "E PI",
    ),
    module(
        "process",
        "cwd exit hrtime memoryUsage nextTick uptime",
        "arch argv exitCode pid platform stderr stdin stdout version versions",
    ),
    module("performance", "now", ""),
    module("Buffer", "alloc byteLength compare concat from isBuffer", ""),
];

/// Classes, which may be made, called, and asked for functions that are beside the methods.
pub(super) const CLASSES: &str = "
    Array ArrayBuffer BigInt Boolean DataView Date Error Float64Array Int32Array Map Number Object Promise RangeError
    ReferenceError RegExp Set String SyntaxError TextDecoder TextEncoder TypeError URL URLSearchParams Uint8Array WeakMap
";

/// Those of them that have nothing else, and may be given away: `map(Number)`.
pub(super) const CONVERSIONS: &str = "BigInt Boolean Number String";

/// Values that they have.
pub(super) const NUMBERS: &str = "EPSILON MAX_SAFE_INTEGER MAX_VALUE MIN_SAFE_INTEGER MIN_VALUE";

/// Functions that may be called.
pub(super) const FUNCTIONS: &str = "
    atob btoa clearImmediate clearInterval clearTimeout decodeURI decodeURIComponent encodeURI encodeURIComponent escape
    isFinite isNaN parseFloat parseInt queueMicrotask setImmediate setInterval setTimeout structuredClone unescape
";

pub(super) const KEYWORDS: &str = "
    Infinity NaN __dirname __filename async await break case catch const continue default delete do else false finally
    for function if in instanceof let new null of return switch throw true try typeof undefined var void while
";

/// Names of everything else that is there from the beginning, the modules among it, but for those that do not
/// matter where a variable hides them.
///
/// # Source
/// `Object.getOwnPropertyNames(globalThis)` and `module.builtinModules` of Node 20 to 24, and the names that a
/// module of `CommonJS` has.
pub(super) const DENIED: &str = "
    AbortController AbortSignal AggregateError AsyncDisposableStack Atomics BroadcastChannel CloseEvent Crypto CryptoKey
    CustomEvent DOMException DisposableStack ErrorEvent EvalError Event EventSource EventTarget FinalizationRegistry
    FormData Function Headers Intl Iterator MessageChannel MessageEvent MessagePort Navigator Performance
    PerformanceObserver Proxy Reflect Request Response SharedArrayBuffer Storage SubtleCrypto SuppressedError Symbol
    URIError URLPattern WeakRef WebAssembly WebSocket Worker
    arguments async_hooks child_process class cluster crypto debugger dgram diagnostics_channel dns domain enum eval
    export exports extends fetch fs global globalThis http http2 https import inspector localStorage module navigator
    net perf_hooks process readline repl require self sea sessionStorage sqlite static stream super sys test this tls
    trace_events tty util v8 vm wasi window with worker_threads yield zlib Bun Deno
";

/// Names that lead from an object to functions that make code, to what all objects have, or to streams that open
/// files and connections; nowhere in a program, since whatever is read from an object may be called by another name.
pub(super) const REFUSED: &[&str] = &[
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
    "apply",
    "arguments",
    "bind",
    "binding",
    "call",
    "callee",
    "caller",
    "connect",
    "constructor",
    "defineProperties",
    "defineProperty",
    "dlopen",
    "getOwnPropertyDescriptor",
    "getOwnPropertyDescriptors",
    "getPrototypeOf",
    "listen",
    "mainModule",
    "open",
    "prepareStackTrace",
    "prototype",
    "setPrototypeOf",
];

/// Methods that no object of the language or of the modules above has do more than compute.
pub(super) const METHODS: &str = "
    UTC add all allSettled any append assign at
    catch charAt charCodeAt clear codePointAt compare concat copyWithin
    delete difference digest drop
    endsWith entries equals every exec
    fill filter finally find findIndex findLast findLastIndex flat flatMap forEach freeze from fromCharCode
    fromCodePoint fromEntries
    get getAll getDate getDay getFullYear getHours getMilliseconds getMinutes getMonth getSeconds getTime
    getTimezoneOffset getUTCDate getUTCDay getUTCFullYear getUTCHours getUTCMinutes getUTCMonth getUTCSeconds groupBy
    has hasOwn hasOwnProperty
    includes indexOf intersection is isArray isDirectory isFile isFinite isInteger isNaN isSafeInteger isSymbolicLink
    join keys lastIndexOf localeCompare
    map match matchAll
    next normalize now
    of on once
    padEnd padStart parse parseFloat parseInt pop push
    race read readInt32LE readUInt16BE readUInt16LE readUInt32BE readUInt32LE readUInt8 reduce reduceRight reject repeat
    replace replaceAll resolve resume reverse
    search set setDate setEncoding setHours setMinutes setMonth shift slice some sort splice split startsWith subarray
    substr substring
    take test then toArray toDateString toFixed toISOString toJSON toLocaleDateString toLocaleString toLocaleTimeString
    toLowerCase toPrecision toReversed toSorted toSpliced toString toUpperCase trim trimEnd trimStart
    union unshift update
    valueOf values
    write
";
