//! What is known of Python's library to do no more than compute.
//!
//! # Source
//! The library reference of Python 3.14, and its sources where that says nothing of what is opened or run.

/// A module.
#[derive(Debug)]
pub(super) struct Module {
    /// Its dotted name.
    pub(super) name: &'static str,
    /// What of it does no more than compute, blank-separated.
    pub(super) plain: &'static str,
    /// Functions that read the file whose path is their first argument.
    pub(super) readers: &'static str,
    /// Methods of others that do more where something of this module is there: they open files.
    pub(super) spoils: &'static str,
}

const fn module(name: &'static str, plain: &'static str) -> Module {
    Module { name, plain, readers: "", spoils: "" }
}

pub(super) const MODULES: &[Module] = &[
    module("__future__", "annotations division print_function unicode_literals"),
    module("ast", "literal_eval"),
    module(
        "base64",
        "b64decode b64encode b32decode b32encode b16decode b16encode b85decode b85encode \
         urlsafe_b64decode urlsafe_b64encode standard_b64decode standard_b64encode",
    ),
    module("binascii", "hexlify unhexlify crc32 a2b_base64 b2a_base64 Error"),
    module("bisect", "bisect bisect_left bisect_right insort insort_left insort_right"),
    module("calendar", "month monthrange isleap timegm day_name month_name"),
    module("collections", "Counter OrderedDict defaultdict deque namedtuple ChainMap"),
    module("copy", "copy deepcopy"),
    module("csv", "reader writer DictReader DictWriter QUOTE_ALL QUOTE_MINIMAL QUOTE_NONE Error"),
    module("datetime", "datetime date time timedelta timezone UTC"),
    module("decimal", "Decimal ROUND_HALF_UP getcontext InvalidOperation"),
    module("difflib", "unified_diff ndiff context_diff SequenceMatcher get_close_matches"),
    module("enum", "Enum IntEnum Flag auto"),
    module("fractions", "Fraction"),
    module("functools", "reduce partial lru_cache cache cmp_to_key wraps"),
    module("glob", "glob iglob"),
    module("hashlib", "md5 sha1 sha224 sha256 sha384 sha512 sha3_256 sha3_512 blake2b blake2s new"),
    module("heapq", "heappush heappop heapify nlargest nsmallest heappushpop merge"),
    module("hmac", "new compare_digest digest"),
    module("html", "escape unescape"),
    module("io", "StringIO BytesIO TextIOWrapper"),
    module(
        "itertools",
        "accumulate batched chain combinations compress count cycle dropwhile filterfalse groupby islice \
         pairwise permutations product repeat starmap takewhile tee zip_longest \
         combinations_with_replacement",
    ),
    module("json", "load loads dump dumps JSONDecodeError JSONDecoder JSONEncoder"),
    module(
        "math",
        "ceil floor sqrt log log2 log10 exp pow pi e inf nan isnan isinf isclose gcd lcm factorial comb perm \
         prod fsum hypot sin cos tan asin acos atan atan2 degrees radians trunc fabs copysign dist tau",
    ),
    module(
        "operator",
        "itemgetter add sub mul truediv floordiv mod neg and_ or_ xor not_ eq ne lt le gt ge contains",
    ),
    module(
        "os",
        "sep linesep pathsep curdir getcwd listdir walk scandir stat lstat getpid cpu_count",
    ),
    module(
        "os.path",
        "join basename dirname exists lexists isfile isdir islink isabs abspath realpath relpath normpath \
         split splitext expanduser commonprefix commonpath getsize getmtime getctime sep samefile",
    ),
    Module {
        // These move and copy files, there.
        spoils: "replace copy",
        ..module("pathlib", "Path PurePath PosixPath PurePosixPath")
    },
    module("pprint", "pprint pformat"),
    module(
        "random",
        "random randint choice choices sample shuffle seed uniform randrange gauss Random",
    ),
    module(
        "re",
        "compile match search fullmatch findall finditer sub subn split escape error I IGNORECASE M MULTILINE \
         S DOTALL X VERBOSE A ASCII U UNICODE",
    ),
    module("shlex", "split quote join"),
    module("statistics", "mean fmean median mode stdev pstdev variance pvariance quantiles"),
    module(
        "string",
        "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits punctuation printable whitespace \
         capwords",
    ),
    module("struct", "pack unpack unpack_from pack_into calcsize iter_unpack error Struct"),
    module(
        "sys",
        "argv stdin stdout stderr exit maxsize version version_info platform byteorder getsizeof \
         setrecursionlimit float_info implementation executable",
    ),
    module("textwrap", "dedent indent fill wrap shorten"),
    module(
        "time",
        "time time_ns sleep strftime strptime gmtime localtime mktime perf_counter monotonic ctime asctime \
         process_time",
    ),
    module("tomllib", "load loads TOMLDecodeError"),
    module("traceback", "print_exc format_exc"),
    module(
        "typing",
        "Any Callable Dict Iterable Iterator List Literal NamedTuple Optional Sequence Set Tuple Union",
    ),
    module(
        "unicodedata",
        "name category normalize east_asian_width lookup combining bidirectional",
    ),
    module("urllib", ""),
    module(
        "urllib.parse",
        "quote quote_plus unquote unquote_plus urlencode urlparse urlsplit urlunparse urljoin parse_qs parse_qsl",
    ),
    // `uuid1` and `getnode` ask other programs for the machine's address.
    module("uuid", "uuid3 uuid4 uuid5 UUID NAMESPACE_DNS NAMESPACE_URL"),
    module("xml", ""),
    module("xml.etree", ""),
    Module {
        readers: "parse iterparse",
        spoils: "write",
        ..module("xml.etree.ElementTree", "fromstring tostring ParseError iselement indent")
    },
    // Of other people; `load` of it makes objects of any class.
    module("yaml", "safe_load safe_load_all safe_dump safe_dump_all dump YAMLError"),
    module("zlib", "compress decompress crc32 adler32 error"),
    module("zoneinfo", "ZoneInfo"),
];

pub(super) fn module_of(name: &str) -> Option<&'static Module> {
    MODULES.iter().find(|it| it.name == name)
}

/// Builtins that run code, reach what has no name here, or open files.
pub(super) const OPEN_BUILTINS: &[&str] = &[
    "apply",
    "breakpoint",
    "buffer",
    "compile",
    "copyright",
    "credits",
    "delattr",
    "eval",
    "exec",
    "execfile",
    "file",
    "getattr",
    "globals",
    "help",
    "input",
    "intern",
    "license",
    "locals",
    "open",
    "reload",
    "setattr",
    "vars",
];

/// Methods and fields that no type of the builtins or of the modules above has do more than compute, but
/// for those that a module spoils.
pub(super) const METHODS: &str = "
    add append as_integer_ratio as_posix as_tuple astimezone attrib absolute
    args bit_count bit_length buffer
    capitalize casefold category center clear close colno combine copy count cwd
    date day days decode default_factory denominator difference difference_update digest digits discard doc
    elapsed elements encode encoding end endswith exists expandtabs expanduser extend extendleft
    fieldnames filename find findall finditer findtext flags flush fold fragment from_bytes fromhex
    fromisocalendar fromisoformat fromkeys fromtimestamp fullmatch
    geturl get getroot getvalue get_close_matches get_matching_blocks get_opcodes group groupdict groupindex
    groups glob
    hex hexdigest home hostname hour
    index insert intersection intersection_update is_absolute is_dir is_file is_integer is_symlink isalnum
    isalpha isascii isatty isdecimal isdigit isdisjoint isidentifier islower isnumeric isoformat isocalendar
    isoweekday isprintable isspace issubset issuperset istitle isupper items iter iterdir
    join joinpath keys
    lastgroup lastindex lineno ljust lower lstrip
    major maketrans match max maxlen microsecond microseconds min minor minute month most_common move_to_end
    msg
    name names netloc netrc normalize now numerator
    params parent parents partition parts password path pattern pop popitem popleft port pos
    quantize query quick_ratio
    ratio read readline readlines reconfigure real imag relative_to remove removeprefix removesuffix replace
    resolution resolve reverse rfind rglob rindex rjust rotate rpartition rsplit rstrip
    scheme search second seconds seek sort span split splitlines start startswith stat stem st_mode st_mtime
    st_size stdev string strftime strip strptime sub subn suffix suffixes swapcase symmetric_difference
    symmetric_difference_update
    tag tail tell text time timestamp timetuple title to_bytes today toordinal total total_seconds translate
    tzinfo tzname
    union update upper utc utcfromtimestamp utcnow utcoffset
    value values
    week weekday with_name with_stem with_suffix write writeheader writelines writerow writerows
    year zfill
";
