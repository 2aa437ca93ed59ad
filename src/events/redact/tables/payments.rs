//! Formats of secrets: payment and commerce.
use super::super::formats::Format;

/// # Source
/// The shapes that the issuers document and public secret scanners know; the expressions are ours.
pub(super) const TABLE: &[Format] = &[
    Format::new(
        "stripe-key",
        &["sk_live_", "sk_test_", "rk_live_", "rk_test_"],
        r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}",
        &["sk\u{0}_live_{a24}", "rk\u{0}_test_{a99}"],
        &["sk_live_x"],
    ),
    Format::new(
        "stripe-webhook",
        &["whsec_"],
        r"whsec_[A-Za-z0-9+/=]{24,}",
        &["wh\u{0}sec_{a32}"],
        &["whsec_x"],
    ),
    Format::new(
        "square-token",
        &["sq0atp-", "sq0csp-", "sq0idp-", "eaaa"],
        r"(?:sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}|EAAA[A-Za-z0-9_-]{60})",
        &["sq\u{0}0atp-{w22}", "sq\u{0}0csp-{w43}"],
        &["sq0atp-x"],
    ),
    Format::new(
        "paypal-token",
        &["access_token$"],
        r"access_token\$(?:production|sandbox)\$[a-z0-9]{13,16}\$[a-f0-9]{32}",
        &["access\u{0}_token$production${l16}${h32}"],
        &["access_token$x"],
    ),
    Format::new(
        "shopify-token",
        &["shpat_", "shpca_", "shppa_", "shpss_"],
        r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
        &["shp\u{0}at_{h32}"],
        &["shpat_x"],
    ),
    Format::new(
        "plaid-token",
        &["access-sandbox-", "access-production-", "access-development-"],
        concat!(
            r"access-(?:sandbox|development|production)-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-",
            r"[a-f0-9]{4}-[a-f0-9]{12}",
        ),
        &["access\u{0}-sandbox-{h8}-{h4}-{h4}-{h4}-{h12}"],
        &["access-sandbox-x"],
    ),
    Format::new(
        "razorpay-key",
        &["rzp_live_", "rzp_test_"],
        r"rzp_(?:live|test)_[A-Za-z0-9]{14,}",
        &["rzp\u{0}_live_{a14}"],
        &["rzp_live_x"],
    ),
    Format::new(
        "flutterwave-key",
        &["flwseck"],
        r"FLWSECK(?:_TEST)?-[A-Za-z0-9]{12,32}(?:-X)?",
        &["FLW\u{0}SECK-{h32}-X"],
        &["FLWSECK-x"],
    ),
    Format::new(
        "easypost-key",
        &["ezak", "eztk"],
        r"EZ[AT]K[A-Za-z0-9]{54}",
        &["EZ\u{0}AK{a54}"],
        &["EZAKx"],
    ),
    Format::new(
        "shippo-token",
        &["shippo_live_", "shippo_test_"],
        r"shippo_(?:live|test)_[a-f0-9]{40}",
        &["ship\u{0}po_live_{h40}"],
        &["shippo_live_x"],
    ),
    Format::new(
        "lob-key",
        &["live_", "test_"],
        r"(?:live|test)_(?:pub_)?[a-f0-9]{31,35}\b",
        &["li\u{0}ve_{h35}"],
        &["test_case", "live_view"],
    ),
    Format::new(
        "duffel-token",
        &["duffel_"],
        r"duffel_(?:live|test)_[A-Za-z0-9_=-]{43}",
        &["duf\u{0}fel_test_{w43}"],
        &["duffel_test_x"],
    ),
];
