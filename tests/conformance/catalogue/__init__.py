"""The catalogue: what an HTTP/1.1 server has to say to 250 and more requests, good, odd and hostile.

One module per topic, each with a list CASES; see case.py for the words they are written in.
"""

from . import (body_length, chunks, connection, expect, fields, hosts, incomplete, limits, methods,
               other_protocols,
               paths, pipelines, request_line, smuggling, targets, transfer_coding, versions)

TOPICS = (request_line, versions, targets, hosts, fields, methods, connection, expect, body_length,
          transfer_coding,
          chunks, limits, paths, pipelines, smuggling, other_protocols, incomplete)
CASES = [case for topic in TOPICS for case in topic.CASES]
