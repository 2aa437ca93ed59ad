//! Advisor settings: keys, defaults and ranges; for the organization, and over it for a role.
mod schedule;

use serde::{Serialize, Serializer};

pub use schedule::{BadSchedule, Schedule};

use crate::events::text_forms;

/// Range of `minimum_observation_window`, in hours: up to 90 days.
const WINDOW_HOURS: (f64, f64) = (0.0, 2_160.0);

/// Range of `confidence_threshold`.
const CONFIDENCE: (f64, f64) = (0.0, 1.0);

/// Range of `retention_days`: up to a year.
const RETENTION_DAYS: (u32, u32) = (1, 365);

/// The settings in force for a role, or for the organization.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// Whether anything is analyzed.
    pub enabled: bool,
    /// When.
    pub analysis_schedule: Schedule,
    /// Hours of activity below which nothing is suggested, 0 to 2160.
    #[serde(rename = "minimum_observation_window")]
    pub minimum_observation_window_hours: f64,
    /// Changes below this confidence are not suggested, 0 to 1.
    pub confidence_threshold: f64,
    /// Days that events are kept, 1 to 365.
    pub retention_days: u32,
}

impl Default for Settings {
    /// The contract's defaults, section 7.
    fn default() -> Self {
        Self {
            enabled: true,
            analysis_schedule: Schedule::weekly(),
            minimum_observation_window_hours: 48.0,
            confidence_threshold: 0.6,
            retention_days: 90,
        }
    }
}

/// What a role sets for itself; `None`: as the organization.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Overrides {
    /// See [`Settings::enabled`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// See [`Settings::analysis_schedule`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis_schedule: Option<Schedule>,
    /// See [`Settings::minimum_observation_window_hours`].
    #[serde(rename = "minimum_observation_window", skip_serializing_if = "Option::is_none")]
    pub minimum_observation_window_hours: Option<f64>,
    /// See [`Settings::confidence_threshold`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence_threshold: Option<f64>,
    /// See [`Settings::retention_days`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
}

/// A setting's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// `true` or `false`.
    Enabled,
    /// `hourly`, `daily`, `weekly` or a cron expression.
    AnalysisSchedule,
    /// Hours; `h` and `d` are understood.
    MinimumObservationWindow,
    /// 0 to 1, or a percentage.
    ConfidenceThreshold,
    /// Days.
    RetentionDays,
}

text_forms!(Key {
    Enabled = "enabled",
    AnalysisSchedule = "analysis_schedule",
    MinimumObservationWindow = "minimum_observation_window",
    ConfidenceThreshold = "confidence_threshold",
    RetentionDays = "retention_days",
});

/// Why a value was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSetting {
    /// There is no such setting.
    #[error(
        "no setting `{0}`\nhint: one of enabled, analysis_schedule, minimum_observation_window, confidence_threshold, retention_days"
    )]
    Key(String),
    /// The value is of the wrong kind, or out of range.
    #[error("`{key}` cannot be `{value}`: the range is {range}")]
    Range {
        /// The setting.
        key: Key,
        /// What was given.
        value: String,
        /// What may be given.
        range: &'static str,
    },
    /// The schedule cannot be read.
    #[error("`analysis_schedule` cannot be `{value}`: {source}")]
    Schedule {
        /// What was given.
        value: String,
        /// What is wrong with it.
        source: BadSchedule,
    },
}

impl Overrides {
    /// Sets `key` to what `text` says.
    ///
    /// # Errors
    /// Where the value is out of range; the message says the range.
    pub fn set(&mut self, key: Key, text: &str) -> Result<(), BadSetting> {
        let text = text.trim();
        let bad = |range| BadSetting::Range { key, value: text.to_owned(), range };
        match key {
            Key::Enabled => {
                let value = match text {
                    "true" | "on" | "yes" => true,
                    "false" | "off" | "no" => false,
                    _ => return Err(bad("true or false")),
                };
                self.enabled = Some(value);
            }
            Key::AnalysisSchedule => {
                let value = Schedule::parse(text)
                    .map_err(|source| BadSetting::Schedule { value: text.to_owned(), source })?;
                self.analysis_schedule = Some(value);
            }
            Key::MinimumObservationWindow => {
                let value = hours(text).filter(|it| within(*it, WINDOW_HOURS));
                let range = "0 to 2160 hours (90 days), such as `48`, `48h` or `2d`";
                self.minimum_observation_window_hours = Some(value.ok_or_else(|| bad(range))?);
            }
            Key::ConfidenceThreshold => {
                let value = share(text).filter(|it| within(*it, CONFIDENCE));
                self.confidence_threshold =
                    Some(value.ok_or_else(|| bad("0 to 1, such as `0.6` or `60%`"))?);
            }
            Key::RetentionDays => {
                let (least, most) = RETENTION_DAYS;
                let days = text.strip_suffix('d').unwrap_or(text).parse().ok();
                let value = days.filter(|it| (least..=most).contains(it));
                self.retention_days = Some(value.ok_or_else(|| bad("1 to 365 days"))?);
            }
        }
        Ok(())
    }

    /// Takes `key` back to what the organization says.
    pub fn clear(&mut self, key: Key) {
        match key {
            Key::Enabled => self.enabled = None,
            Key::AnalysisSchedule => self.analysis_schedule = None,
            Key::MinimumObservationWindow => self.minimum_observation_window_hours = None,
            Key::ConfidenceThreshold => self.confidence_threshold = None,
            Key::RetentionDays => self.retention_days = None,
        }
    }

    /// Whether `key` is set here.
    pub fn sets(&self, key: Key) -> bool {
        match key {
            Key::Enabled => self.enabled.is_some(),
            Key::AnalysisSchedule => self.analysis_schedule.is_some(),
            Key::MinimumObservationWindow => self.minimum_observation_window_hours.is_some(),
            Key::ConfidenceThreshold => self.confidence_threshold.is_some(),
            Key::RetentionDays => self.retention_days.is_some(),
        }
    }

    /// These settings, and `under` where nothing is set here.
    pub fn over(&self, under: &Settings) -> Settings {
        Settings {
            enabled: self.enabled.unwrap_or(under.enabled),
            analysis_schedule: self
                .analysis_schedule
                .clone()
                .unwrap_or_else(|| under.analysis_schedule.clone()),
            minimum_observation_window_hours: self
                .minimum_observation_window_hours
                .unwrap_or(under.minimum_observation_window_hours),
            confidence_threshold: self.confidence_threshold.unwrap_or(under.confidence_threshold),
            retention_days: self.retention_days.unwrap_or(under.retention_days),
        }
    }
}

impl Settings {
    /// The value of `key` as text that [`Overrides::set`] takes.
    pub fn text(&self, key: Key) -> String {
        match key {
            Key::Enabled => self.enabled.to_string(),
            Key::AnalysisSchedule => self.analysis_schedule.to_string(),
            Key::MinimumObservationWindow => self.minimum_observation_window_hours.to_string(),
            Key::ConfidenceThreshold => self.confidence_threshold.to_string(),
            Key::RetentionDays => self.retention_days.to_string(),
        }
    }
}

impl Key {
    /// The setting called `name`.
    ///
    /// # Errors
    /// Where there is none; the message says which there are.
    pub fn named(name: &str) -> Result<Self, BadSetting> {
        Self::parse(name).ok_or_else(|| BadSetting::Key(name.to_owned()))
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn within(value: f64, (least, most): (f64, f64)) -> bool {
    (least..=most).contains(&value)
}

/// `48`, `48h` or `2d`, in hours.
fn hours(text: &str) -> Option<f64> {
    match text.strip_suffix('d') {
        Some(days) => days.trim().parse::<f64>().ok().map(|it| it * 24.0),
        None => text.strip_suffix('h').unwrap_or(text).trim().parse().ok(),
    }
}

/// `0.6` or `60%`.
fn share(text: &str) -> Option<f64> {
    match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok().map(|it| it / 100.0),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_range_are_taken_and_others_refused_with_the_range() {
        for (key, text, taken) in [
            (Key::Enabled, "off", Some("false")),
            (Key::Enabled, "1", None),
            (Key::MinimumObservationWindow, "72", Some("72")),
            (Key::MinimumObservationWindow, "3d", Some("72")),
            (Key::MinimumObservationWindow, "1.5h", Some("1.5")),
            (Key::MinimumObservationWindow, "91d", None),
            (Key::MinimumObservationWindow, "-1", None),
            (Key::MinimumObservationWindow, "NaN", None),
            (Key::ConfidenceThreshold, "60%", Some("0.6")),
            (Key::ConfidenceThreshold, "1", Some("1")),
            (Key::ConfidenceThreshold, "1.01", None),
            (Key::ConfidenceThreshold, "inf", None),
            (Key::RetentionDays, "365", Some("365")),
            (Key::RetentionDays, "366", None),
            (Key::RetentionDays, "0", None),
            (Key::AnalysisSchedule, "daily", Some("daily")),
            (Key::AnalysisSchedule, "0 6 * * 1-5", Some("0 6 * * 1-5")),
            (Key::AnalysisSchedule, "sometimes", None),
        ] {
            let mut overrides = Overrides::default();
            let set = overrides.set(key, text);
            assert_eq!(set.is_ok(), taken.is_some(), "{key} {text}: {set:?}");
            match taken {
                Some(taken) => {
                    assert_eq!(overrides.over(&Settings::default()).text(key), taken);
                    overrides.clear(key);
                }
                None => assert!(set.unwrap_err().to_string().contains(key.as_str())),
            }
            assert_eq!(overrides, Overrides::default());
        }
    }

    #[test]
    fn what_a_role_does_not_set_comes_from_the_organization() {
        let organization = Settings { retention_days: 30, ..Settings::default() };
        let mut role = Overrides::default();
        role.set(Key::ConfidenceThreshold, "0.9").unwrap();
        let settings = role.over(&organization);
        assert_eq!(
            (settings.retention_days, settings.text(Key::ConfidenceThreshold).as_str()),
            (30, "0.9")
        );
    }
}
