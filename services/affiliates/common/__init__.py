"""What the rooms of the affiliate programme share: mapped bases, fields on the wire, the dual mount."""
