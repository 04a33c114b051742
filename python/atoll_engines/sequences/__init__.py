"""What answers with a text: encoder and decoder networks, how they are trained, decoded, judged and exported.

Recordings (`audio/speech`) and texts (`text/seq2seq`) bring their own inputs; all after that is here.
"""
