"""How is Omaha 3.0 written in XML, as the CoreOS line (update_engine, go-omaha, Nebraska, ue-rs) and Omaha 3 speak it?

The whole dialect at one name: `xml30_requests` reads what clients send, `xml30_answers` writes what they are answered.
"""

from update_core.omaha import xml30_answers, xml30_requests

PROTOCOL = xml30_requests.PROTOCOL

read_request = xml30_requests.read_request
write_response = xml30_answers.write_response
write_head = xml30_answers.write_head
write_apps = xml30_answers.write_apps
