//! E-mail by SMTP.

use std::time::Duration;

use holdfast_protocol::api::notifications::{ChannelTarget, MailEncryption};
use lettre::{
    Address, Message as Mail,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        extension::ClientId,
    },
};

use super::{
    address::resolve,
    deliver::{Addressee, Undelivered},
    message::{Envelope, Message},
};

/// Longest time of the connection.
const CONNECT: Duration = Duration::from_secs(10);

/// Sends a message to all recipients of a channel.
pub(super) async fn send(
    to: &Addressee,
    message: &Message,
    envelope: &Envelope<'_>,
) -> Result<(), Undelivered> {
    let ChannelTarget::Email {
        host,
        port,
        encryption,
        user,
        from,
        to: recipients,
    } = &to.target
    else {
        return Err(Undelivered::refused("This is no mail channel."));
    };
    let mail = mail(message, envelope, from, recipients)?;
    let addresses = resolve(host, *port, to.reach).await?;
    let hello = ClientId::default();
    let tls = match encryption {
        MailEncryption::None => None,
        MailEncryption::Starttls | MailEncryption::Tls => {
            let mut parameters = TlsParameters::builder(host.clone());
            if let Some(authorities) = to.authorities.of_mail() {
                parameters = parameters.add_root_certificate(authorities.clone());
            }
            Some(parameters.build().map_err(|error| said(&error))?)
        }
    };
    let at_once = tls.clone().filter(|_| *encryption == MailEncryption::Tls);
    let mut connection =
        AsyncSmtpConnection::connect_tokio1(&addresses[..], Some(CONNECT), &hello, at_once, None)
            .await
            .map_err(|error| said(&error))?;
    if let (MailEncryption::Starttls, Some(tls)) = (encryption, tls) {
        if !connection.can_starttls() {
            connection.abort().await;
            return Err(Undelivered::refused(
                "The mail server offers no STARTTLS. Choose another encryption.",
            ));
        }
        connection
            .starttls(tls, &hello)
            .await
            .map_err(|error| said(&error))?;
    }
    if !user.is_empty() {
        // Nobody's password is sent in clear.
        if *encryption == MailEncryption::None {
            connection.abort().await;
            return Err(Undelivered::refused(
                "Signing in needs an encrypted connection.",
            ));
        }
        let password = to.secret.as_ref().map(|secret| secret.expose().to_owned());
        let credentials = Credentials::new(user.clone(), password.unwrap_or_default());
        connection
            .auth(&[Mechanism::Plain, Mechanism::Login], &credentials)
            .await
            .map_err(|error| said(&error))?;
    }
    connection
        .send(mail.envelope(), &mail.formatted())
        .await
        .map_err(|error| said(&error))?;
    // It is taken; how the connection ends does not matter.
    let _ended = connection.quit().await;
    Ok(())
}

/// The mail. Names in it come from people and machines: the subject is one line, and addresses are parsed.
fn mail(
    message: &Message,
    envelope: &Envelope<'_>,
    from: &str,
    recipients: &[String],
) -> Result<Mail, Undelivered> {
    let address = |text: &str| {
        text.parse::<Address>().map_err(|error| {
            Undelivered::refused(format!("The address {text} is no mail address: {error}"))
        })
    };
    let sender = address(from)?;
    let domain = sender.domain().to_owned();
    let mut mail = Mail::builder()
        .from(Mailbox::new(Some("Holdfast".to_owned()), sender))
        .message_id(Some(format!("<{}@{domain}>", envelope.id)))
        .subject(message.subject(envelope))
        .header(ContentType::TEXT_PLAIN)
        // No out-of-office note answers this.
        .raw_header(raw("Auto-Submitted", "auto-generated"))
        .raw_header(raw("X-Holdfast-Delivery", &envelope.id.to_string()));
    for recipient in recipients {
        mail = mail.to(Mailbox::new(None, address(recipient)?));
    }
    mail.body(message.text(envelope))
        .map_err(|error| Undelivered::refused(format!("The mail cannot be made: {error}")))
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// What the mail server said, or why it could not be reached.
fn said(error: &lettre::transport::smtp::Error) -> Undelivered {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    if error.is_permanent() || error.is_transient() {
        Undelivered::refused(format!("The mail server answered: {text}"))
    } else {
        Undelivered::unreachable(format!("The mail server cannot be reached: {text}"))
    }
}
