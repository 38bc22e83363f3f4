"""The Mattermost edge: values in and out, no knowledge of tickets."""
