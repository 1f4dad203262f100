//! An object that is let go although it is not deleted: what AWS has stays as it is, our marks on both sides go.

use tokio_util::sync::CancellationToken;

use super::Engine;
use crate::api::common::{CommonStatus, DeletionPolicy};
use crate::api::conditions::Reason;
use crate::aws::Priority;
use crate::engine::object::{Live, ManagedObject};
use crate::engine::scheduler::Pass;
use crate::engine::{Error, ExternalResource, events};

impl<R: ExternalResource> Engine<R> {
    /// Takes our tags off what `object` stands for (unless `keep_tags`), forgets in its status that this is ours, and takes the finalizer
    /// off. The same as a deletion with `Retain`, but strict: when AWS cannot be asked, nothing is let go. Answers with what was done.
    ///
    /// # Errors
    /// What AWS or the API server says. It can be done again.
    pub async fn let_go(&self, object: R::Object, keep_tags: bool) -> Result<String, Error> {
        let mut live = Live::new(self.shared.client.clone(), object.clone());
        let mut draft = live.status();
        let recorded = R::Object::common_status(&draft).clone();
        let text = if keep_tags {
            "left as it is in AWS; nobody was asked whether it carries our tags".to_owned()
        } else {
            let pass = Pass {
                priority: Priority::Edit,
                give_way: CancellationToken::new(),
            };
            let retain = DeletionPolicy::Retain;
            let ended = self.end_in_aws(&object, &mut draft, &recorded, retain, &pass);
            match ended.await {
                Ok(ended) => ended.text,
                // Nothing of ours was seen, and nothing can be seen now.
                Err(error) if is_untouched(&recorded) && !error.is_silent() => {
                    "nothing in AWS to let go of".to_owned()
                }
                Err(error) => return Err(error),
            }
        };
        let held = object.has_finalizer();
        if held || !is_untouched(&recorded) {
            forget(R::Object::common_status_mut(&mut draft));
            live.write_status(&draft).await?;
            live.remove_finalizer().await?;
            events::normal(&self.shared, &object, Reason::Released, &text).await;
        }
        Ok(text)
    }
}

/// Nothing was ever begun in AWS for it.
fn is_untouched(recorded: &CommonStatus) -> bool {
    recorded.origin.is_none() && recorded.pending.is_empty() && recorded.applied.is_none()
}

/// Where there are no tags, the status alone says whose something is.
fn forget(common: &mut CommonStatus) {
    common.origin = None;
    common.applied = None;
    common.placement = None;
    common.pending.clear();
    common.effective_deletion_policy = Some(DeletionPolicy::Retain);
}
