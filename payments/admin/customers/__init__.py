"""Pages about customers and what they are sent: payment links, e-mails."""
