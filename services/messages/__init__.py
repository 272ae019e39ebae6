"""Messages: what is mailed to customers and to the operator, in words; and what sends it."""

from services.messages.build import build_letterhead, build_mail_client, build_mail_sender, mail_rules
from services.messages.problems import Problem, ProblemWatch
from services.messages.sender import MailSender
from services.messages.words import Words

__all__ = [
    'MailSender',
    'Problem',
    'ProblemWatch',
    'Words',
    'build_letterhead',
    'build_mail_client',
    'build_mail_sender',
    'mail_rules',
]
