//! Pages as AWS shows them: one for each person, or one for each channel.

use crate::clock::Millis;
use crate::services::contacts::arn::beside;

use super::state::{Answer, Engagement, Page, Part, Receipt, ReceiptKind};

/// A page as AWS shows it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Its engagement.
    pub engagement: &'a Engagement,
    /// Position of the person in the engagement.
    pub index: usize,
    /// The person's page.
    pub page: &'a Page,
    part: Option<&'a Part>,
}

impl Engagement {
    /// Its pages, in the order they came about.
    pub fn views(&self) -> impl Iterator<Item = View<'_>> {
        self.pages
            .iter()
            .enumerate()
            .flat_map(move |(index, page)| {
                let view = move |part| View {
                    engagement: self,
                    index,
                    page,
                    part,
                };
                // Where nothing could be sent, there is no channel to show a page for.
                let failed = page
                    .receipts
                    .iter()
                    .any(|each| each.kind == ReceiptKind::Error);
                let whole = !page.by_channel || failed;
                let parts = page.parts.iter().map(move |part| view(Some(part)));
                whole.then(|| view(None)).into_iter().chain(parts)
            })
    }
}

impl<'a> View<'a> {
    /// Its id, the last part of its ARN.
    pub(super) fn id(&self) -> &'a str {
        self.part.map_or(&self.page.id, |part| &part.id)
    }

    /// Its ARN.
    pub fn arn(&self) -> String {
        beside(&self.page.contact_arn, "page", self.id())
    }

    /// Position among all pages of the simulator.
    pub fn seq(&self) -> u64 {
        self.part.map_or(self.page.seq, |part| part.seq)
    }

    /// What acknowledges it.
    pub fn code(&self) -> &'a str {
        self.part.map_or(&self.page.code, |part| &part.code)
    }

    /// Its receipts with their positions, in the order they came about.
    pub fn receipts(&self) -> impl Iterator<Item = (usize, &'a Receipt)> {
        let (part, by_channel) = (self.part, self.page.by_channel);
        let receipts = self.page.receipts.iter().enumerate();
        receipts.filter(move |(_, each)| match part {
            Some(part) => match &each.channel {
                Some(channel) => *channel == part.channel,
                None => each.kind == ReceiptKind::Stop,
            },
            None => !by_channel || each.channel.is_none(),
        })
    }

    /// When it came about.
    pub fn created(&self) -> Millis {
        match self.part {
            Some(_) => self.first(ReceiptKind::Sent),
            None => None,
        }
        .unwrap_or(self.page.created)
    }

    /// When this happened first.
    pub fn first(&self, kind: ReceiptKind) -> Option<Millis> {
        let mut receipts = self.receipts();
        receipts
            .find(|(_, each)| each.kind == kind)
            .map(|(_, each)| each.at)
    }

    /// When this happened last.
    pub fn last(&self, kind: ReceiptKind) -> Option<Millis> {
        let found = self.receipts().filter(|(_, each)| each.kind == kind);
        found.last().map(|(_, each)| each.at)
    }

    /// The answer to it: over this channel or else its own, with this information or else its code.
    pub fn answer(&self, channel: Option<&str>, info: Option<&str>) -> Answer {
        let own = self.part.map(|part| part.channel.as_str());
        Answer {
            channel: channel.or(own).map(str::to_owned),
            info: Some(info.unwrap_or(self.code()).to_owned()),
        }
    }
}
