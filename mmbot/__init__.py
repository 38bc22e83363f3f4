"""mmbot runs the review process of the Mattermost plugin Marketplace inside Mattermost."""

__version__ = "0.1.0"
