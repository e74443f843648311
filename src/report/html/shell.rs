//! What every report has: its head, with the one style and the policy that allows nothing else.

use super::markup::Markup;
use crate::SERVER_NAME;
use crate::report::Report;
use crate::timestamp::{RFC3339_LEN, write_rfc3339};

/// How the page looks.
const STYLE: &str = include_str!("style.css");
/// The SHA-256 of that, in base64: a browser applies this style and no other. A test tells what it has to be.
const STYLE_SHA256: &str = "OO8vJcQjm6dGMdQZXxKwwDsgfOoiHhleZDhCjlk7YY4=";

/// More characters of the URL are not shown.
const URL_MOST: usize = 2000;

/// A page with this title and body.
pub(super) fn page(title: &str, body: impl FnOnce(&mut Markup)) -> String {
    let mut page = Markup::default();
    page.verbatim("<!DOCTYPE html>");
    page.element("html", &[("lang", "en")], |page| {
        head(page, title);
        page.element("body", &[], body);
    });
    page.into_text() + "\n"
}

fn head(page: &mut Markup, title: &str) {
    page.element("head", &[], |page| {
        let policy =
            format!("default-src 'none'; style-src 'sha256-{STYLE_SHA256}'; base-uri 'none'; form-action 'none'");
        page.void("meta", &[("charset", "utf-8")]);
        page.void("meta", &[("http-equiv", "Content-Security-Policy"), ("content", &policy)]);
        page.void("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
        page.void("meta", &[("name", "color-scheme"), ("content", "light dark")]);
        page.void("meta", &[("name", "referrer"), ("content", "no-referrer")]);
        page.leaf("title", &[], title);
        page.element("style", &[], |page| page.verbatim(STYLE));
    });
}

/// What was measured, and what there is to say about the measurement.
pub(super) fn header(page: &mut Markup, url: &str, measured: impl FnOnce(&mut Markup)) {
    page.element("header", &[], |page| {
        page.leaf("p", &[("class", "muted")], "Do Server-Sent Events arrive in real time?");
        page.element("h1", &[], |page| page.text_up_to(URL_MOST, url));
        measured(page);
    });
}

/// When it was measured; `how` stands behind that.
pub(super) fn measured(page: &mut Markup, report: &Report, how: &str) {
    let first_us = report.streams.iter().map(|stream| stream.requested_us).min().unwrap_or(0);
    let unix_us = u64::try_from(report.started_unix_us.saturating_add(first_us)).unwrap_or(0);
    let mut time = [0; RFC3339_LEN];
    write_rfc3339(&mut time, unix_us);
    let time = String::from_utf8_lossy(&time).into_owned();
    page.element("p", &[("class", "muted")], |page| {
        page.text("Measured on ");
        let shown = format!("{} at {} UTC", &time[..10], &time[11..19]);
        page.leaf("time", &[("datetime", &time)], &shown);
        page.text(&format!("{how}, with {SERVER_NAME}"));
    });
}
