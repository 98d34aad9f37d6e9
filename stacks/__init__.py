"""What Pulumi makes: one program, one file of settings per environment, one module per role."""
