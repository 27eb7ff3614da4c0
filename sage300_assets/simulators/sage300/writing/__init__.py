"""What a client writes: batches entered, changed, made ready and posted, under the rules of the business layer."""
