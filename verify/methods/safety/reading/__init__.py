"""Reading answers: refusal, compliance or neither, with the reader's own error measured."""
