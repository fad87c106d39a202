"""What the clients of examples/blob_dispatch send and the listeners get, with what Pyro needs to carry it."""

CLASS = "weather.Report"


class Report:
    def __init__(self, station, degrees, sky):
        self.station = station
        self.degrees = degrees
        self.sky = sky


def to_dict(report):
    return {"__class__": CLASS, **vars(report)}


def from_dict(name, attributes):
    return Report(attributes["station"], attributes["degrees"], attributes["sky"])
