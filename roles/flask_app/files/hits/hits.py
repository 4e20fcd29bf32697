"""Counts the hits of a page, in MongoDB or, without one, in memory.

MONGODB_URI_FILE names a file with the database's address (`mongodb://...`), which is read again when it has changed;
MONGODB_URI is the address itself. HITS_PROJECT is what is counted.
"""

import itertools
import os
import socket
import threading

import flask
import pymongo
import pymongo.errors

application = flask.Flask("hits")
project = os.environ.get("HITS_PROJECT", "hits")
in_memory = itertools.count(1)
lock = threading.Lock()
opened = ("", None)


def address():
    if path := os.environ.get("MONGODB_URI_FILE"):
        with open(path) as file:
            return file.read().strip()
    return os.environ.get("MONGODB_URI", "")


def database():
    """The database, or nothing where none is given."""
    global opened
    with lock:
        if (uri := address()) != opened[0]:
            # A replica set takes some seconds to elect another primary: a request waits for it.
            client = pymongo.MongoClient(uri, serverSelectionTimeoutMS=20000, connectTimeoutMS=3000) if uri else None
            opened = (uri, client)
        return None if opened[1] is None else opened[1].get_default_database()


def count():
    known = database()
    if known is None:
        return next(in_memory), "memory"
    change = {"$inc": {"hits": 1}}
    for last in (False, True):
        try:
            after = pymongo.ReturnDocument.AFTER
            page = known.pages.find_one_and_update({"project": project}, change, upsert=True, return_document=after)
            return page["hits"], "mongodb"
        except pymongo.errors.AutoReconnect:
            # The primary has gone. A hit that it counted before it went may be counted twice.
            if last:
                raise


@application.get("/")
def page():
    try:
        hits, place = count()
    except pymongo.errors.PyMongoError as error:
        application.logger.error("%s", error)
        return flask.jsonify(project=project, host=socket.gethostname(), error="the database does not answer"), 503
    return flask.jsonify(project=project, host=socket.gethostname(), hits=hits, database=place)


# Of this process alone: an application whose database is away for some seconds must not be taken out of a balancer.
@application.get("/healthcheck")
def healthcheck():
    return flask.jsonify(status="up", host=socket.gethostname())
