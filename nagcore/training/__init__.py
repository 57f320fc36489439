"""Train networks on images: data, models, stopping conditions, the loop, evaluation."""
