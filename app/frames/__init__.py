"""Pictures over HTTP: frames and thumbnails for the browser, each behind a signed token that expires."""
