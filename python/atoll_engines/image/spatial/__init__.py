"""What engines share whose answer has places in the picture: where a pixel comes from, their networks' fitting, their package."""
