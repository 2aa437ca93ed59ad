//! What is known of Ruby's core and libraries to do no more than compute.
//!
//! # Source
//! The documentation of Ruby 3.4's core, and of the libraries that come with it.

/// A class or module, and what it is asked for.
#[derive(Debug)]
pub(super) struct Module {
    /// Its name.
    pub(super) name: &'static str,
    /// What of it does no more than compute, separated by blanks.
    pub(super) plain: &'static str,
    /// What reads the file whose path is the first argument.
    pub(super) readers: &'static str,
}

const fn module(name: &'static str, plain: &'static str) -> Module {
    Module { name, plain, readers: "" }
}

/// Left out is what makes objects of any class from a text (`YAML.load`), and what reads from a command that
/// begins with `|` (`IO.read`).
pub(super) const MODULES: &[Module] = &[
    module("Array", "new"),
    module(
        "Base64",
        "decode64 encode64 strict_decode64 strict_encode64 urlsafe_decode64 urlsafe_encode64",
    ),
    module("CGI", "escape escapeHTML unescape unescapeHTML"),
    Module { name: "CSV", plain: "generate_line parse parse_line", readers: "foreach read" },
    module("Date", "new parse today valid_date? strptime"),
    module("DateTime", "now parse"),
    module("Digest::MD5", "base64digest hexdigest"),
    module("Digest::SHA1", "base64digest hexdigest"),
    module("Digest::SHA256", "base64digest hexdigest"),
    module("Dir", "children entries exist? glob pwd"),
    Module {
        name: "File",
        plain: "basename directory? dirname exist? expand_path extname file? join mtime size symlink? zero?",
        readers: "binread foreach read readlines",
    },
    module("Hash", "new"),
    module("Integer", "sqrt"),
    module("JSON", "dump generate parse pretty_generate"),
    module("Math", "cbrt cos exp hypot log log10 log2 pow sin sqrt tan"),
    module("Psych", "dump safe_load safe_load_stream"),
    module("Regexp", "escape new union"),
    module("SecureRandom", "alphanumeric base64 hex random_number urlsafe_base64 uuid"),
    module("Set", "new"),
    module("String", "new"),
    module("Time", "at gm iso8601 local mktime new now parse strptime utc"),
    module(
        "URI",
        "decode_www_form decode_www_form_component encode_www_form encode_www_form_component join parse",
    ),
    Module {
        name: "YAML",
        plain: "dump parse parse_stream safe_dump safe_load",
        readers: "parse_file safe_load_file",
    },
];

/// Names that stand for a type or a number.
pub(super) const TYPES: &str = "
    ArgumentError Array EncodingError Errno::ENOENT FalseClass Float Float::INFINITY Float::NAN FrozenError Hash
    IndexError Integer JSON::ParserError KeyError Math::E Math::PI NameError NilClass NoMethodError Numeric
    Psych::BadAlias Psych::DisallowedClass Psych::SyntaxError Range RangeError RegexpError RUBY_VERSION RuntimeError
    StandardError StopIteration String Symbol TrueClass TypeError YAML::SyntaxError ZeroDivisionError
";

/// Libraries that add nothing to others but what is above.
pub(super) const LIBRARIES: &str =
    "base64 cgi csv date digest json psych securerandom set time uri yaml";

/// Functions that may be called with arguments.
pub(super) const FUNCTIONS: &str = "Array Float Integer String abort exit format lambda loop p pp print printf proc puts raise rand sleep sprintf warn";

pub(super) const KEYWORDS: &str = "
    and begin break case do else elsif end ensure false for if in next nil not or rescue return then true unless until
    when while
";

/// Methods that no type of the core or of the modules above has do more than compute, without their marks.
pub(super) const METHODS: &str = "
    abs all any append assoc at backtrace between bytes bytesize
    call capitalize casecmp ceil center chain chars chomp chop chr chunk_while clamp clear codepoints collect
    collect_concat combination compact compare_by_identity concat count cover cycle
    day days debug deconstruct default delete delete_at delete_if detect dig digits divmod downcase downto drop
    drop_while dump dup
    each each_char each_cons each_entry each_key each_line each_pair each_slice each_value each_with_index
    each_with_object empty encode encoding end_with entries eql equal even
    fdiv fetch fetch_values fields fill filter filter_map find find_all find_index first flat_map flatten floor flush
    force_encoding freeze frozen full_message
    gcd getbyte grep grep_v group_by gsub
    has_key has_value hash headers hex hour
    include index indices insert inspect integer intersect intersection invert is_a itself
    join keep_if key keys kind_of
    last lazy lcm length line lineno lines ljust lstrip
    map match max max_by member merge message min min_by minmax minute mon month monday
    name named_captures nan negative next nil none nonzero nsec
    oct odd one ord
    partition path permutation pop positive pow pred prepend product push
    query
    rassoc read read_nonblock readline readlines reject remainder replace reverse reverse_each rewind rindex rjust rotate
    round row rows rstrip
    sample scan scheme scrub sec select shift shuffle size skip slice slice_when sort sort_by split squeeze start_with
    store strftime string strip sub subset succ sum superset swapcase sync
    tally take take_while tap then times to_a to_c to_date to_f to_h to_hash to_i to_int to_json to_r to_s to_set to_str
    to_time to_yaml tr tr_s transform_keys transform_values transpose truncate
    undump unicode_normalize union uniq unpack unpack1 unshift upcase upto usec utc
    valid_encoding value values values_at
    wday with_index with_object write
    yday year yield_self
    zero zip
";
